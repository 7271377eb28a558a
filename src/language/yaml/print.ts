import type { Diagnostic, Result, SourceSpan } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type {
  Access,
  ArgumentRow,
  ArgumentTest,
  CallRule,
  HookRule,
  LimitRule,
  NetworkPolicy,
  Policy,
  QuietRow,
} from '../../policy/index.js';
import { ACCESS_WORDS, signatureOf, socketText } from '../../policy/index.js';
import { fileTexts, predicateProblems } from '../files.js';
import { ownCalls } from '../own.js';
import { resourceText } from '../resources.js';
import { listsOf } from '../sockets.js';
import { usualProcesses } from './instance.js';
import { LIMITS, PROCESS_KEYS } from './keys.js';
import { printTest } from './print-condition.js';

const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** The canonical `.vxed.yaml` text of a policy; what version 1 has no words for is a diagnostic that names the rule. */
export function printProfile(policy: Policy): Result<string> {
  const own = ownCalls(policy);
  const problems: Diagnostic[] = [...own.diagnostics, ...predicateProblems(policy, 'YAML')];
  const lines = [
    'vxed: 1',
    `name: ${scalar(policy.name)}`,
    ...(policy.description === '' ? [] : [`description: ${scalar(policy.description)}`]),
    `type: ${policy.type}`,
    ...(policy.program === undefined ? [] : [`program: ${scalar(policy.program)}`]),
    ...section(
      'files',
      fileTexts(policy).map(({ path, access }) => `  ${scalar(path)}: ${accessText(access)}`),
    ),
    ...networkLines(policy.network),
    ...execLines(policy),
    ...processLines(policy),
    ...(policy.namespaces === undefined ? [] : [`namespaces: [${policy.namespaces.join(', ')}]`]),
    ...(policy.descriptors.join() === 'stdio' ? [] : [`descriptors: [${policy.descriptors.join(', ')}]`]),
    ...section(
      'capabilities',
      policy.capabilities.map((name) => `  - ${name}`),
    ),
    ...section(
      'limits',
      policy.limits.map((limit) => limitLine(limit, problems)),
    ),
    ...section(
      'resources',
      policy.resources.map((rule) => `  ${rule.resource}: ${resourceText(rule)}`),
    ),
    ...section(
      'services',
      policy.services.map((service) => `  - ${service}`),
    ),
    ...callLines(policy, own.calls, problems),
    ...section(
      'accept-unenforced',
      policy.acceptUnenforced.map((rule) => `  - ${scalar(rule.id)}`),
    ),
  ];
  return problems.length > 0 ? failure(...problems) : success(`${lines.join('\n')}\n`);
}

function section(key: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${key}:`, ...lines];
}

function networkLines({ sockets, interface: chosen }: NetworkPolicy): readonly string[] {
  const listed = (word: 'accept' | 'connect'): string =>
    sockets
      .filter((rule) => listsOf(rule).includes(word))
      .map((rule) => socketText(rule.object))
      .join(', ');
  const others = sockets.filter((rule) => listsOf(rule).length === 0);
  return [
    'network:',
    `  accept: [${listed('accept')}]`,
    `  connect: [${listed('connect')}]`,
    ...section(
      '  sockets',
      others.map((rule) => `    ${scalar(socketText(rule.object))}: ${[...rule.access].join(' ') || 'none'}`),
    ),
    `  interface: ${chosen}`,
  ];
}

function execLines({ exec, programs }: Policy): readonly string[] {
  if (programs === undefined || exec === 'once') return [`exec: ${exec}`];
  if (programs.length === 0) return ['exec: []'];
  return section(
    'exec',
    programs.map(({ path }) => `  - ${scalar(path)}`),
  );
}

function processLines({ type, processes }: Policy): readonly string[] {
  const usual = usualProcesses(type);
  return section(
    'processes',
    PROCESS_KEYS.filter((key) => processes[key] !== usual[key]).map((key) => `  ${key}: ${processes[key]}`),
  );
}

/** The words of an access, in their usual order. */
export function accessText(access: ReadonlySet<Access>, separator = ' '): string {
  if (access.size === 0) return 'none';
  return ACCESS_WORDS.filter((word) => access.has(word)).join(separator);
}

/** The word of a limit and its value in the largest unit that is exact. */
export function limitText(limit: LimitRule): { readonly word: string; readonly value: string } | undefined {
  const word = [...LIMITS].find(([, type]) => type === limit.type)?.[0];
  if (word === undefined || limit.value < 0n || limit.value > UNLIMITED) return undefined;
  if (limit.value === UNLIMITED) return { word, value: 'unlimited' };
  for (const [unit, bits] of [
    ['T', 40n],
    ['G', 30n],
    ['M', 20n],
    ['K', 10n],
  ] as const) {
    if (limit.value > 0n && limit.value % (1n << bits) === 0n)
      return { word, value: `${limit.value >> bits}${unit}` };
  }
  return { word, value: limit.value.toString() };
}

function limitLine(limit: LimitRule, problems: Diagnostic[]): string {
  const text = limitText(limit);
  if (text === undefined) {
    problems.push(notExpressible(`${limit.id} is a limit that YAML has no word for`, limit.span));
    return '';
  }
  return `  ${text.word}: ${text.value}`;
}

function callLines(
  policy: Policy,
  calls: ReadonlyMap<string, CallRule>,
  problems: Diagnostic[],
): readonly string[] {
  const permit: string[] = [];
  const when: string[] = [];
  const quiet: string[] = [];
  for (const rule of calls.values()) {
    if (rule.permit === 'all') {
      // In a filesystem profile, rows that are refused quietly leave the call otherwise permitted.
      if (policy.type === 'strict' || rule.quiet.length === 0) permit.push(`    - ${rule.call}`);
    } else if (rule.permit.some((row) => row.tests.length === 0)) permit.push(`    - ${rule.call}`);
    else if (rule.permit.length > 0) when.push(`    ${rule.call}:`, ...rowLines(rule, rule.permit, problems));
    else if (rule.quiet.length === 0 || policy.type === 'filesystem') {
      const message = `calls:${rule.call} refuses the call by name, which YAML says by not naming it`;
      problems.push(notExpressible(message, rule.span, 'leave the rule out'));
    }
    if (rule.quiet.length > 0) quiet.push(`    ${rule.call}:`, ...rowLines(rule, rule.quiet, problems));
  }
  const after = policy.hooks.flatMap((hook) => [`    ${hook.call}:`, ...rowLines(hook, hook.rows, problems)]);
  const lines = [
    ...section('  permit', permit),
    ...section('  when', when),
    ...section('  quiet', quiet),
    ...section('  after', after),
  ];
  return section('calls', lines);
}

function rowLines(
  rule: CallRule | HookRule,
  rows: readonly (ArgumentRow | QuietRow)[],
  problems: Diagnostic[],
): readonly string[] {
  return rows.map((row) => {
    const parts = oneTestEach(row.tests).map((test) => testText(rule, test, row.span, problems));
    if ('errno' in row) parts.push(`errno: ${row.errno}`);
    return `      - {${parts.join(', ')}}`;
  });
}

function testText(
  rule: CallRule | HookRule,
  test: ArgumentTest,
  span: SourceSpan,
  problems: Diagnostic[],
): string {
  const argument = signatureOf(rule.call)?.find((candidate) => candidate.index === test.index);
  if (argument === undefined || argument.name !== test.name || argument.width !== test.width) {
    const message = `${rule.id} rests on argument ${test.name}, which is not one of ${rule.call}`;
    problems.push(notExpressible(message, span));
    return '';
  }
  const text = printTest(rule.call, test);
  if (text === undefined) {
    const message = `${rule.id} has a condition on ${test.name} that nothing satisfies, or that has too many cases to list`;
    problems.push(notExpressible(message, span, 'remove the row, or split it into several'));
  }
  return `${argument.name}: ${text ?? ''}`;
}

/** A mapping names an argument once: several tests of one argument become one. */
function oneTestEach(tests: readonly ArgumentTest[]): readonly ArgumentTest[] {
  const merged = new Map<number, ArgumentTest>();
  for (const test of tests) {
    const before = merged.get(test.index);
    if (before === undefined) merged.set(test.index, test);
    else
      merged.set(test.index, {
        ...before,
        condition: { kind: 'all', of: [before.condition, test.condition] },
        text: '',
      });
  }
  return [...merged.values()];
}

/** A scalar that reads back as the very text. */
export function scalar(text: string): string {
  const plain = /^[A-Za-z/_][A-Za-z0-9/_.,;+@=()' -]*$/.test(text) && !/\s$/.test(text) && !/ {2}/.test(text);
  return plain && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);
}

function notExpressible(message: string, span: SourceSpan, hint?: string): Diagnostic {
  return { code: 'not-expressible', message, span, ...(hint === undefined ? {} : { hint }) };
}
