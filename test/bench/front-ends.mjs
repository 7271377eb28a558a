// How long it takes to read profiles of many rules, in each form, and to lower them; warm, in one process, the best of three.
//   node test/bench/front-ends.mjs
import { parseAcl, parseLispProfile, parseProfile } from '../../build/ts/src/language/index.js';
import { bundleTree, lowerPolicy, settlePatterns } from '../../build/ts/src/lowering/index.js';
import { nativePorts } from '../../build/ts/src/native/index.js';
import { knownCalls, signatureOf } from '../../build/ts/src/policy/index.js';

const SIZES = [300, 1000, 3000, 10_000];

const lines = (count, line) => Array.from({ length: count }, (_, at) => line(at)).join('\n');
const path = (at) => `/p${at % 50}/d${at}`;

/** Calls with a number among their arguments, and its name; those that VXE has rules of its own for are left out. */
const CALLS = [...knownCalls().keys()]
  .map((call) => [call, signatureOf(call)?.find(({ type }) => type === 'int' || type === 'uint')?.name])
  .filter(
    ([call, name]) =>
      name !== undefined && !/^(exec|clone|unshare|setns|prctl|arch|seccomp|listen|io_uring)/.test(call),
  );
const callOf = (at) => CALLS[at % CALLS.length];

/** More rows than this are more than a filter has room for; beyond, rules are for files. */
const ROWS_MAX = 500;

/** Half of the rules are for files, half for the arguments of calls, as far as a filter has room. */
export const strictProfile = (count) => {
  const rows = Math.min(count / 2, ROWS_MAX);
  return `vxed: 1
name: big
type: strict
files:
${lines(count - rows, (at) => `  ${path(at)}: read execute`)}
calls:
  permit: [read, write]
  when:
${CALLS.slice(0, rows)
  .map(([call, name], first) => {
    const own = Math.ceil((rows - first) / CALLS.length);
    return `    ${call}:\n${lines(own, (at) => `      - {${name}: {is: ${at * 3}, mask: 0xffff}}`)}`;
  })
  .join('\n')}
`;
};

const lisp = (count) => `(vxed 1) (name big) (type strict) (permit read write)
(files
${lines(count / 2, (at) => `  ("${path(at)}" read execute)`)})
${lines(count / 2, (at) => `(permit-when ${callOf(at)[0]} (= (& ${callOf(at)[1]} 0xffff) ${at * 3}))`)}
`;

const acl = (count) =>
  `@name big\nprocess self execute\n${lines(count, (at) => `file ${path(at)} read/execute`)}\n`;

const patterns = (count) =>
  `vxed: 1\nname: big\ntype: strict\nfiles:\n${lines(count, (at) => `  "/p${at % 50}/d*${at}": read`)}\n`;

/** A tree with the files that the rules speak of. */
export function strictWorld(count) {
  const folders = Array.from({ length: 50 }, (_, at) => ({ path: `/p${at}`, kind: 'directory' }));
  const files = Array.from({ length: count }, (_, at) => ({ path: path(at), kind: 'file' }));
  return { entries: [{ path: '/', kind: 'directory' }, ...folders, ...files], open: [] };
}

function milliseconds(step) {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    step();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function taken(result) {
  if (!result.ok) throw new Error(result.diagnostics[0]?.message);
  return result.value;
}

/** One row for each size: the rules and what each step takes, in milliseconds. */
export function measureFrontEnds() {
  const { compiler, calls, features } = nativePorts();
  return SIZES.map((rules) => {
    const texts = {
      yaml: strictProfile(rules),
      lisp: lisp(rules),
      acl: acl(rules),
      patterns: patterns(rules),
    };
    const file = (form) => ({ name: form, text: texts[form] });
    const policy = taken(parseProfile(file('yaml')));
    const globs = taken(parseProfile(file('patterns')));
    const tree = bundleTree(strictWorld(5000));
    const target = { arch: 'x86_64', features: features(), world: strictWorld(5000), compiler, calls };
    return {
      rules,
      yaml: milliseconds(() => taken(parseProfile(file('yaml')))),
      lisp: milliseconds(() => taken(parseLispProfile(file('lisp')))),
      acl: milliseconds(() => taken(parseAcl(file('acl')))),
      patterns: rules > 1000 ? undefined : milliseconds(() => settlePatterns(globs, tree)),
      lower: milliseconds(() => taken(lowerPolicy(policy, target))),
    };
  });
}

export function frontEndTable(rows) {
  const cell = (value) => (value === undefined ? '' : value.toFixed(1));
  return [
    '| rules | YAML | vxelisp | rule list | patterns over 5000 files | lowering |',
    '| ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(
      (row) =>
        `| ${row.rules} | ${[row.yaml, row.lisp, row.acl, row.patterns, row.lower].map(cell).join(' | ')} |`,
    ),
  ].join('\n');
}

if (process.argv[1]?.endsWith('front-ends.mjs')) console.log(frontEndTable(measureFrontEnds()));
