import type { Diagnostic, Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { CallRule, Policy } from '../../policy/index.js';
import { socketText } from '../../policy/index.js';
import { fileTexts, predicateProblems } from '../files.js';
import { ownCalls, sameRule } from '../own.js';
import { resourceText } from '../resources.js';
import { accessText, limitText } from '../yaml/print.js';
import { auditRule } from './audit.js';
import { CALLS_OF } from './processes.js';

/** The rule list of a policy; what rule lists have no words for is a diagnostic that names the rule. */
export function printAcl(policy: Policy): Result<string> {
  const own = ownCalls(policy);
  const problems: Diagnostic[] = policy.type === 'strict' ? [] : [...own.diagnostics];
  if (policy.type === 'strict') {
    problems.push({
      code: 'not-expressible',
      message: `type: strict: a rule list does not name system calls, and ${policy.name} names ${own.calls.size}`,
      span: policy.span,
      hint: 'rule lists are for profiles of type filesystem',
    });
  }
  problems.push(...predicateProblems(policy, 'a rule list'));
  const isWhole = (call: string): boolean => {
    const rule = own.calls.get(call);
    return rule?.permit === 'all' && rule.quiet.length === 0;
  };
  const words = Object.entries(CALLS_OF).filter(([, calls]) => calls.every(isWhole));
  const said = new Set(words.flatMap(([, calls]) => calls));
  for (const rule of own.calls.values()) {
    if (policy.type === 'strict') break;
    if (isAuditRule(policy, rule)) continue;
    if (said.has(rule.call)) continue;
    problems.push({
      code: 'not-expressible',
      message: `${rule.id}: a rule list cannot say with which arguments a call is permitted`,
      span: rule.span,
      hint: 'leave the rule out, or keep the profile in YAML',
    });
  }
  for (const { id, span } of policy.hooks)
    problems.push({
      code: 'not-expressible',
      message: `${id}: a rule list has no words for what is told after a call`,
      span,
      hint: 'leave the hook out, or keep the profile in YAML or vxelisp',
    });
  const lines = [
    `@name ${policy.name}`,
    ...(policy.description === '' ? [] : [`@description ${word(policy.description)}`]),
    `@network ${policy.network.interface}`,
    ...policy.capabilities.map((name) => `@capability ${name}`),
    ...policy.limits.map((limit) => {
      const text = limitText(limit);
      if (text !== undefined) return `@limit ${text.word} ${text.value}`;
      const message = `${limit.id} is a limit that a rule list has no word for`;
      problems.push({ code: 'not-expressible', message, span: limit.span });
      return '';
    }),
    ...policy.resources.map((rule) => `@resource ${rule.resource} ${resourceText(rule)}`),
    ...namespaceLines(policy),
    ...descriptorLines(policy),
    ...policy.services.map((service) => `@service ${service}`),
    ...policy.acceptUnenforced.map((rule) => `@accept-unenforced ${word(rule.id)}`),
    '',
    policy.program === undefined ? '@general' : `@target ${word(policy.program)}`,
    ...fileTexts(policy).map(({ path, access }) => `file ${word(path)} ${accessText(access, '/')}`),
    ...socketLines(policy),
    ...[...own.calls.values()].filter((rule) => isAuditRule(policy, rule)).map(() => 'socket audit none'),
    ...processLines(
      policy,
      words.map(([name]) => name),
      problems,
    ),
  ];
  return problems.length > 0 ? failure(...problems) : success(`${lines.join('\n')}\n`);
}

/** Absent is what most lists say: no namespaces, and of the launcher's descriptors the first three. */
function namespaceLines({ namespaces }: Policy): readonly string[] {
  if (namespaces === undefined) return [];
  return [`@namespace ${namespaces.length === 0 ? 'none' : namespaces.join(' ')}`];
}

function descriptorLines({ descriptors }: Policy): readonly string[] {
  if (descriptors.join() === 'stdio') return [];
  return [`@descriptor ${descriptors.length === 0 ? 'none' : descriptors.join(' ')}`];
}

function isAuditRule(policy: Policy, rule: CallRule): boolean {
  const audit = rule.call === 'socket' ? auditRule(policy, rule.span) : undefined;
  return audit !== undefined && sameRule(audit, rule);
}

function socketLines({ network }: Policy): readonly string[] {
  return network.sockets.map(
    ({ object, access }) => `socket ${word(socketText(object))} ${[...access].join('/') || 'none'}`,
  );
}

function processLines(
  policy: Policy,
  permitting: readonly string[],
  problems: Diagnostic[],
): readonly string[] {
  const { exec, programs, processes, span } = policy;
  const listed = exec === 'any' ? programs : undefined;
  if (listed?.length === 0) {
    const message = 'exec: an empty list of programs is nothing that a rule list has words for';
    problems.push({ code: 'not-expressible', message, span, hint: 'write exec: once' });
  }
  const words = [
    ...(exec === 'any' && listed === undefined ? ['execute'] : []),
    ...permitting,
    ...(processes.trace === 'instance' && processes.signal === 'instance' ? ['ptrace'] : []),
  ];
  const among = processes.trace === 'instance' ? 'ptrace' : 'none';
  return [
    `process self ${words.length === 0 ? 'none' : words.join('/')}`,
    ...(processes.signal === 'none' ? [`process instance ${among}`] : []),
    ...(listed ?? []).map((rule) => `process ${word(rule.path)} execute`),
  ];
}

/** A word that reads back as the very text. */
function word(text: string): string {
  return /^[^\s"#@]\S*$/.test(text) && !hasControl(text) ? text : JSON.stringify(text);
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}
