import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { FORMS } from '../../src/language/index.js';
import type { CallEvent, Policy } from '../../src/policy/index.js';
import {
  decide,
  globWitness,
  internetRules,
  knownCalls,
  parseEvent,
  scalarEvent,
} from '../../src/policy/index.js';
import { policyOf } from '../policy/helpers.js';
import { bodies } from './acl-helpers.js';

/** The policy as each form prints and reads it; a form that cannot say it names what it cannot. */
function forms(policy: Policy): ReadonlyMap<string, Policy> {
  const all = new Map<string, Policy>();
  for (const form of FORMS) {
    const printed = form.print(policy);
    if (!printed.ok) {
      if (printed.diagnostics.some((each) => each.code !== 'not-expressible' || each.message === ''))
        throw new Error(printed.diagnostics[0]?.message);
      continue;
    }
    const file = { name: `test${form.extensions[0]}`, text: printed.value };
    all.set(form.format, unwrap(form.parse(file), [file]));
  }
  return all;
}

const value = fc.oneof(fc.bigInt(0n, 40n), fc.bigInt(0n, (1n << 64n) - 1n));
const CALLS = [...knownCalls().keys(), ...['mmap', 'socket', 'ioctl', 'prctl', 'fcntl', 'clone'].flatMap((each) => Array(40).fill(each))]; // biome-ignore format: a table

function paths(policy: Policy): fc.Arbitrary<string> {
  const matching = policy.patterns.flatMap((rule) =>
    rule.kind === 'glob' ? [globWitness(rule.glob, '/') ?? '/'] : [],
  );
  const known = [...policy.files.map((rule) => rule.path), ...matching];
  const base = fc.constantFrom('/', '/etc/x', ...known);
  return fc.tuple(base, fc.constantFrom('', '/a', '/a/b', '-c')).map(([path, more]) => `${path}${more}`);
}

function events(policy: Policy): fc.Arbitrary<CallEvent> {
  const ports = internetRules(policy.network).map((rule) => rule.object.ports.from);
  const port = fc.constantFrom(1, 25, 80, 87, ...ports);
  const host = fc.constantFrom(
    '',
    '127.0.0.1:',
    '10.1.2.3:',
    '10.2.0.0:',
    '[fd00::1]:',
    '[::1]:',
    '0.0.0.0:',
  );
  const internet = fc
    .tuple(fc.constantFrom('bind', 'connect', 'sendto'), fc.constantFrom('tcp', 'udp'), host, port)
    .map(
      ([call, protocol, address, each]) =>
        `${call}(3, ${call === 'sendto' ? '_, 1, 0, ' : ''}${protocol}/${address}${each})`,
    );
  const opened = fc
    .tuple(paths(policy), fc.constantFrom('O_RDONLY', 'O_WRONLY|O_CREAT', 'O_RDWR|O_TRUNC'))
    .map(([path, flags]) => `openat(${JSON.stringify(path)}, ${flags})`);
  const texts = fc.oneof(
    opened,
    paths(policy).map((path) => `unlink(${JSON.stringify(path)})`),
    paths(policy).map((path) => `execve(${JSON.stringify(path)})`),
    internet,
    paths(policy).map((path) => `connect(3, unix:${path})`),
    fc.constantFrom(
      'connect(3, unix:@x)',
      'connect(3, unix:@y)',
      'kill(other, 9)',
      'kill(1, 9)',
      'ptrace(16, 1)',
    ),
  );
  return fc.oneof(
    texts.map((text) => unwrap(parseEvent(text))),
    fc
      .tuple(fc.constantFrom(...CALLS), fc.array(value, { minLength: 6, maxLength: 6 }))
      .map(([call, values]) => scalarEvent(call, values)),
  );
}

for (const type of ['strict', 'filesystem'] as const) {
  test(`the forms of one ${type} profile decide alike on random events`, (t) => {
    const said = new Map<string, number>();
    const verdicts = { allow: 0, refuse: 0 };
    const profiles = type === 'strict' ? bodies() : fc.oneof(bodies(false), bodies());
    fc.assert(
      fc.property(
        profiles.chain((body) => {
          const policy = policyOf(body.replaceAll(/exec: once/g, 'exec: any'), type);
          return fc.tuple(fc.constant(policy), fc.array(events(policy), { minLength: 25, maxLength: 25 }));
        }),
        ([policy, all]) => {
          for (const [format, other] of forms(policy)) {
            said.set(format, (said.get(format) ?? 0) + 1);
            for (const event of all) {
              const [a, b] = [decide(policy, event), decide(other, event)];
              verdicts[a.verdict]++;
              t.is(
                `${b.verdict} ${b.errno} ${b.rule} ${b.quiet}`,
                `${a.verdict} ${a.errno} ${a.rule} ${a.quiet}`,
              );
            }
          }
        },
      ),
      { numRuns: 100 },
    );
    t.true(verdicts.allow > 100 && verdicts.refuse > 100);
    // A list of rules names no calls, so that only some profiles can be said by it.
    const wanted = type === 'strict' ? ['yaml', 'lisp'] : ['yaml', 'lisp', 'acl'];
    for (const format of wanted) t.true((said.get(format) ?? 0) > 10, format);
  });
}
