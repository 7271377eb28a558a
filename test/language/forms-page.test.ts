import { readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { formatDiagnostic, unwrap } from '../../src/common/index.js';
import { PERMISSIONS, RULE_TYPES, SECTIONS, SETTINGS } from '../../src/language/acl/rules.js';
import {
  CALLS_KEYS,
  CONDITION_KEYS,
  type Form,
  formNamed,
  LIMITS,
  NETWORK_KEYS,
  PROCESS_KEYS,
  PROFILE_KEYS,
} from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';
import {
  ACCESS_WORDS,
  DESCRIPTORS,
  explainEvent,
  NAMESPACES,
  RESOURCES,
  SERVICES,
  SOCKET_WORDS,
} from '../../src/policy/index.js';
import { withoutSpans } from './acl-helpers.js';

/** What stands in the fences of the page, in the order of the page. */
interface Block {
  readonly language: string;
  readonly text: string;
}

/** Blocks that say the same thing, and what is said of it: from one block of a form, behind anything else, to the next such. */
interface Example {
  readonly title: string;
  readonly forms: readonly Block[];
  readonly explain: readonly string[];
  readonly convert: readonly string[];
}

const page = readFileSync('docs/reference/forms.md', 'utf8');
const FENCES: Readonly<Record<string, string>> = { yaml: 'yaml', vxed: 'lisp', acl: 'acl' };

function examples(): readonly Example[] {
  const found: Example[] = [];
  for (const section of page.split(/^#{2,3} /m).slice(1)) {
    const title = section.split('\n', 1)[0] ?? '';
    let forms: Block[] = [];
    let explain: string[] = [];
    let convert: string[] = [];
    const end = (): void => {
      if (forms.length > 0) found.push({ title, forms, explain, convert });
      [forms, explain, convert] = [[], [], []];
    };
    for (const [, language = '', text = ''] of section.matchAll(/```(\w+)\n(.*?)```/gs)) {
      const lines = text.trim().split('\n');
      const begins = language === 'yaml' || (language in FENCES && (explain.length > 0 || isWrong(text)));
      if (begins) end();
      if (language in FENCES) forms.push({ language, text });
      else if (language === 'explain') explain.push(...lines);
      else if (language === 'convert') convert.push(...lines);
      else throw new Error(`${title}: nobody knows what a block of ${language} is`);
    }
    end();
  }
  return found;
}

function isWrong(text: string): boolean {
  return text.includes('# error: ');
}

function formOf(block: Block): Form {
  const form = formNamed(FENCES[block.language] ?? '');
  if (form === undefined) throw new Error(block.language);
  return form;
}

/** The part as a whole profile. */
function fileOf({ language, text }: Block, type: string): { readonly name: string; readonly text: string } {
  const name = `example.${language === 'yaml' ? 'vxed.yaml' : language}`;
  if (language === 'acl') return { name, text: text.includes('@name') ? text : `@name example\n${text}` };
  if (/^\(?vxed/.test(text)) return { name, text };
  if (language === 'vxed') return { name, text: `(vxed 1)(name example)(type ${type})\n${text}` };
  return { name, text: `vxed: 1\nname: example\ntype: ${type}\n${text}` };
}

function policyIn(block: Block, type: string): Policy {
  const file = fileOf(block, type);
  const parsed = formOf(block).parse(file);
  if (!parsed.ok)
    throw new Error(
      `${block.text}\n${parsed.diagnostics.map((each) => formatDiagnostic(each, [file])).join('\n')}`,
    );
  return parsed.value;
}

const all = examples();
const right = all.filter(({ forms }) => !forms.some(({ text }) => isWrong(text)));

for (const [at, { title, forms, explain, convert }] of right.entries()) {
  test(`the forms say the same, and it means what is shown: ${at + 1}, ${title}`, (t) => {
    const languages = new Set(forms.map(({ language }) => language));
    const type = languages.has('acl') ? 'filesystem' : 'strict';
    const policies = forms.map((block) => policyIn(block, type));
    const [policy, ...others] = policies;
    if (policy === undefined) throw new Error(title);
    for (const other of others) t.deepEqual(withoutSpans(other, false), withoutSpans(policy, false));
    for (const line of explain) {
      const [call = '', answer = ''] = line.split(' => ');
      for (const each of policies)
        t.is(unwrap(explainEvent(each, call)).text.slice(0, answer.length + 1), `${answer}:`, call);
    }
    // A form that is not shown cannot say it, and says what.
    const lacking = Object.keys(FENCES).filter((language) => !languages.has(language));
    for (const language of lacking) {
      const form = formOf({ language, text: '' });
      const wanted = convert
        .find((line) => line.startsWith(`${form.format}: `))
        ?.slice(form.format.length + 2);
      const printed = form.print(policy);
      // The others have no word for it, and say it in many.
      if (title === 'The audit socket') continue;
      t.false(printed.ok, `${form.format} can say it, and is not shown`);
      const said = printed.ok ? '' : printed.diagnostics.map(({ message }) => message).join('\n');
      if (wanted !== undefined) t.true(said.includes(wanted), said);
      else t.regex(said, /type: strict: a rule list does not name system calls/);
    }
  });
}

for (const { forms } of all.filter((each) => !right.includes(each))) {
  for (const block of forms) {
    test(`it is an error, as shown: ${block.text.trim()}`, (t) => {
      const [, wanted = ''] = /# error: (.*)/.exec(block.text) ?? [];
      const file = fileOf(block, 'filesystem');
      const parsed = formOf(block).parse(file);
      t.false(parsed.ok);
      const said = parsed.ok ? '' : parsed.diagnostics.map(({ message }) => message).join('\n');
      t.true(said.includes(wanted), said);
      t.true(
        !parsed.ok && parsed.diagnostics.every(({ span, hint }) => span !== undefined && hint !== undefined),
      );
    });
  }
}

/** Every word that stands in the examples in YAML, under the keys that lead there. */
function words(value: unknown, at: string, found: Set<string>): Set<string> {
  if (typeof value === 'string' || typeof value === 'number')
    for (const word of String(value).split(' ')) found.add(`${at}=${word}`);
  else if (Array.isArray(value)) for (const item of value) words(item, at, found);
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) {
      found.add(`${at}.${key}`);
      words(item, `${at}.${at === '' || at === '.calls' ? key : '*'}`, found);
    }
  return found;
}

test('every word of the YAML form has an example', (t) => {
  const found = new Set<string>();
  for (const { forms } of right)
    for (const { language, text } of forms) if (language === 'yaml') words(parse(text), '', found);
  const wanted = [
    ...PROFILE_KEYS.map((key) => `.${key}`),
    ...['strict', 'filesystem'].map((word) => `.type=${word}`),
    ...[...ACCESS_WORDS, 'none'].map((word) => `.files.*=${word}`),
    ...NETWORK_KEYS.map((key) => `.network.${key}`),
    ...[...SOCKET_WORDS, 'none'].map((word) => `.network.*.*=${word}`),
    ...['host', 'none', 'loopback'].map((word) => `.network.*=${word}`),
    ...['once', 'any', '/usr/bin/gzip'].map((word) => `.exec=${word}`),
    ...PROCESS_KEYS.flatMap((key) => [`.processes.${key}`]),
    ...['instance', 'none'].map((word) => `.processes.*=${word}`),
    ...NAMESPACES.map((word) => `.namespaces=${word}`),
    ...DESCRIPTORS.map((word) => `.descriptors=${word}`),
    ...[...LIMITS.keys()].map((word) => `.limits.${word}`),
    ...RESOURCES.map((word) => `.resources.${word}`),
    ...SERVICES.map((word) => `.services=${word}`),
    ...CALLS_KEYS.map((word) => `.calls.${word}`),
    ...CONDITION_KEYS.map((word) => `.calls.when.*.*.${word}`),
  ];
  t.deepEqual(
    wanted.filter((word) => !found.has(word)),
    [],
  );
});

test('every word of rule lists has an example', (t) => {
  const blocks = all.flatMap(({ forms }) => forms.filter(({ language }) => language === 'acl'));
  const lines = blocks.flatMap(({ text }) => text.split('\n'));
  for (const setting of [...SETTINGS, ...SECTIONS])
    t.true(
      lines.some((line) => line === `@${setting}` || line.startsWith(`@${setting} `)),
      `@${setting}`,
    );
  for (const type of RULE_TYPES)
    for (const word of PERMISSIONS[type])
      t.true(
        lines.some((line) => new RegExp(`^${type} \\S+ (\\S+/)?${word}(/\\S+)?( |$)`).test(line)),
        `${type} ${word}`,
      );
  for (const identifier of ['self', 'instance', '/usr/bin/gzip'])
    t.true(lines.some((line) => line.startsWith(`process ${identifier} `)));
});

test('the examples of the other pages are profiles', (t) => {
  const first = (name: string, fence: RegExp): string =>
    fence.exec(readFileSync(`docs/reference/${name}.md`, 'utf8'))?.[1] ?? '';
  const yaml = first('profile', /```yaml\n(.*?)```/s);
  t.is(policyIn({ language: 'yaml', text: yaml }, 'strict').name, 'popd');
  const acl = first('acl', /## Example\n\n```\n(.*?)```/s);
  t.is(policyIn({ language: 'acl', text: acl }, 'filesystem').name, 'web');
});
