import type { Diagnostic, Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { CallRule, Policy } from '../../policy/index.js';
import { ownCalls, sameRule } from '../own.js';
import { accessText, limitText } from '../yaml/print.js';
import { auditRule } from './audit.js';

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
  const chroot = own.calls.get('chroot');
  for (const rule of own.calls.values()) {
    if (policy.type === 'strict') break;
    if (isAuditRule(rule)) continue;
    if (rule === chroot && rule.permit === 'all' && rule.quiet.length === 0) continue;
    problems.push({
      code: 'not-expressible',
      message: `${rule.id}: a rule list cannot say with which arguments a call is permitted`,
      span: rule.span,
      hint: 'leave the rule out, or keep the profile in YAML',
    });
  }
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
    ...policy.services.map((service) => `@service ${service}`),
    ...policy.acceptUnenforced.map((rule) => `@accept-unenforced ${word(rule.id)}`),
    '',
    policy.program === undefined ? '@general' : `@target ${word(policy.program)}`,
    ...policy.files.map((rule) => {
      const path = rule.folder && rule.path !== '/' ? `${rule.path}/` : rule.path;
      return `file ${word(path)} ${accessText(rule.access, '/')}`;
    }),
    ...socketLines(policy),
    ...[...own.calls.values()].filter(isAuditRule).map(() => 'socket audit none'),
    ...processLines(policy, chroot !== undefined),
  ];
  return problems.length > 0 ? failure(...problems) : success(`${lines.join('\n')}\n`);
}

function isAuditRule(rule: CallRule): boolean {
  const audit = rule.call === 'socket' ? auditRule(rule.span) : undefined;
  return audit !== undefined && sameRule(audit, rule);
}

function socketLines(policy: Policy): readonly string[] {
  const { accept, connect } = policy.network;
  const both = new Set(connect.map((rule) => rule.port));
  const accepted = new Set(accept.map((rule) => rule.port));
  return [
    ...accept.map(({ port }) => `socket tcp/${port} ${both.has(port) ? 'accept/connect' : 'accept'}`),
    ...connect.filter(({ port }) => !accepted.has(port)).map(({ port }) => `socket tcp/${port} connect`),
  ];
}

function processLines(policy: Policy, chroot: boolean): readonly string[] {
  const words = [...(policy.exec === 'any' ? ['execute'] : []), ...(chroot ? ['chroot'] : [])];
  return [`process self ${words.length === 0 ? 'none' : words.join('/')}`];
}

/** A word that reads back as the very text. */
function word(text: string): string {
  return /^[^\s"#@]\S*$/.test(text) && !hasControl(text) ? text : JSON.stringify(text);
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}
