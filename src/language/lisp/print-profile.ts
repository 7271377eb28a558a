import type { Diagnostic, Result, SourceSpan } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { ArgumentRow, CallRule, HookRule, PatternRule, Policy, QuietRow } from '../../policy/index.js';
import { signatureOf, socketText } from '../../policy/index.js';
import { fileTexts } from '../files.js';
import { ownCalls } from '../own.js';
import { resourceText } from '../resources.js';
import { listsOf } from '../sockets.js';
import { usualProcesses } from '../yaml/instance.js';
import { PROCESS_KEYS } from '../yaml/keys.js';
import { accessText, limitText } from '../yaml/print.js';
import { printForms } from './print.js';
import { Unwritable } from './print-core.js';
import { printTest } from './print-predicate.js';
import { readForms } from './reader.js';
import { stringText } from './text.js';

/** The canonical `.vxed` text of a policy; what vxelisp has no words for is a diagnostic that names the rule. */
export function printLisp(policy: Policy): Result<string> {
  const problems: Problems = new Problems();
  const own = ownCalls(policy);
  problems.all.push(...own.diagnostics);
  const { network, limits, capabilities, services, acceptUnenforced } = policy;
  const forms = [
    '(vxed 1)',
    `(name ${wordOf(policy.name)})`,
    policy.description === '' ? '' : `(description ${problems.string(policy.description, policy.span)})`,
    `(type ${policy.type})`,
    policy.program === undefined ? '' : `(program ${problems.string(policy.program, policy.span)})`,
    statement(
      'files',
      fileTexts(policy).map(
        ({ path, access, span }) => `(${problems.string(path, span)} ${accessText(access)})`,
      ),
    ),
    ...policy.patterns.map((rule) => predicateForm(rule, problems)),
    ...socketForms(policy, problems),
    `(interface ${network.interface})`,
    ...instanceForms(policy, problems),
    statement('capabilities', capabilities),
    statement(
      'limits',
      limits.map((limit) => {
        const text = limitText(limit);
        if (text === undefined)
          problems.say(`${limit.id} is a limit that vxelisp has no word for`, limit.span);
        return text === undefined ? '' : `(${text.word} ${text.value})`;
      }),
    ),
    statement('services', services),
    ...callForms(policy, own.calls, problems),
    statement(
      'accept-unenforced',
      acceptUnenforced.map((rule) => problems.string(rule.id, rule.span)),
    ),
  ];
  if (problems.all.length > 0) return failure(...problems.all);
  const text = forms.filter((form) => form !== '').join('\n');
  return success(printForms(readForms({ name: 'printed', text })));
}

function socketForms({ network }: Policy, problems: Problems): readonly string[] {
  const listed = (word: 'accept' | 'connect'): readonly string[] =>
    network.sockets.filter((rule) => listsOf(rule).includes(word)).map((rule) => socketText(rule.object));
  const others = network.sockets.filter((rule) => listsOf(rule).length === 0);
  return [
    statement('accept', listed('accept')),
    statement('connect', listed('connect')),
    statement(
      'sockets',
      others.map(
        (rule) =>
          `(${problems.string(socketText(rule.object), rule.span)} ${[...rule.access].join(' ') || 'none'})`,
      ),
    ),
  ];
}

function instanceForms(policy: Policy, problems: Problems): readonly string[] {
  const { exec, programs, processes, namespaces, descriptors, resources } = policy;
  const usual = usualProcesses(policy.type);
  const listed = exec === 'any' ? programs : undefined;
  return [
    listed === undefined
      ? `(exec ${exec})`
      : `(exec${listed.map((rule) => ` ${problems.string(rule.path, rule.span)}`).join('')})`,
    ...PROCESS_KEYS.filter((key) => processes[key] !== usual[key]).map((key) => `(${key} ${processes[key]})`),
    namespaces === undefined ? '' : `(${['namespaces', ...namespaces].join(' ')})`,
    descriptors.join() === 'stdio' ? '' : `(${['descriptors', ...descriptors].join(' ')})`,
    statement(
      'resources',
      resources.map((rule) => `(${rule.resource} ${stringText(resourceText(rule))})`),
    ),
  ];
}

function predicateForm(rule: PatternRule, problems: Problems): string {
  if (rule.kind !== 'predicate') return '';
  const access = accessText(rule.access);
  try {
    const folder = problems.string(rule.folder, rule.span);
    return `(file-when ${folder} ${rule.predicate.text} ${access})`;
  } catch (error) {
    if (!(error instanceof Unwritable)) throw error;
    problems.say(`${rule.id} is ${error.message}`, rule.span);
    return '';
  }
}

class Problems {
  readonly all: Diagnostic[] = [];

  say(message: string, span: SourceSpan, hint?: string): void {
    this.all.push({ code: 'not-expressible', message, span, ...(hint === undefined ? {} : { hint }) });
  }

  /** The text as a string of the language, which holds every character but the zero and halves of pairs. */
  string(text: string, span: SourceSpan): string {
    if (/\0|\p{Surrogate}/u.test(text))
      this.say(`${JSON.stringify(text)} has a character that no string of vxelisp holds`, span);
    return stringText(text);
  }
}

function statement(name: string, operands: readonly string[]): string {
  return operands.length === 0 ? '' : `(${[name, ...operands].join(' ')})`;
}

/** A name as a word, or as a string where it would read as a number. */
function wordOf(name: string): string {
  return /^[0-9]/.test(name) ? stringText(name) : name;
}

function callForms(
  policy: Policy,
  calls: ReadonlyMap<string, CallRule>,
  problems: Problems,
): readonly string[] {
  const permit: string[] = [];
  const when: string[] = [];
  const quiet: string[] = [];
  for (const rule of calls.values()) {
    if (rule.permit === 'all' || rule.permit.some((row) => row.tests.length === 0)) {
      // In a filesystem profile, rows that are refused quietly leave the call otherwise permitted.
      if (policy.type === 'strict' || rule.quiet.length === 0) permit.push(rule.call);
    } else if (rule.permit.length > 0) {
      const rows = rule.permit.map((row) => rowText(rule, row, problems));
      when.push(statement('permit-when', [rule.call, ...rows]));
    } else if (rule.quiet.length === 0 || policy.type === 'filesystem') {
      const message = `${rule.id} refuses the call by name, which vxelisp says by not naming it`;
      problems.say(message, rule.span, 'leave the rule out');
    }
    quiet.push(...quietForms(rule, problems));
  }
  return [
    statement('permit', permit),
    ...when,
    ...quiet,
    ...policy.hooks.map((hook) => afterForm(hook, problems)),
  ];
}

/** A row without conditions, which is the only one then, is none. */
function afterForm(hook: HookRule, problems: Problems): string {
  const rows = hook.rows.filter((row) => row.tests.length > 0);
  return statement('after', [hook.call, ...rows.map((row) => rowText(hook, row, problems))]);
}

/** One statement for each run of rows with the same answer, in their order. */
function quietForms(rule: CallRule, problems: Problems): readonly string[] {
  const groups: { readonly errno: string; readonly rows: QuietRow[] }[] = [];
  for (const row of rule.quiet) {
    const last = groups.at(-1);
    const joins = last?.errno === row.errno && row.tests.length > 0 && last.rows[0]?.tests.length !== 0;
    if (joins) last.rows.push(row);
    else groups.push({ errno: row.errno, rows: [row] });
  }
  return groups.map(({ errno, rows }) => {
    const predicates = rows.filter((row) => row.tests.length > 0).map((row) => rowText(rule, row, problems));
    return statement('quiet', [rule.call, errno, ...predicates]);
  });
}

function rowText(rule: CallRule | HookRule, row: ArgumentRow, problems: Problems): string {
  const parts = row.tests.map((test) => {
    const argument = signatureOf(rule.call)?.find((candidate) => candidate.index === test.index);
    if (argument === undefined || argument.name !== test.name || argument.width !== test.width) {
      problems.say(`${rule.id} rests on argument ${test.name}, which is not one of ${rule.call}`, row.span);
      return '';
    }
    const text = printTest(rule.call, test);
    if (text === undefined)
      problems.say(
        `${rule.id} has a condition on ${test.name} that nothing satisfies`,
        row.span,
        'remove the row',
      );
    return text ?? '';
  });
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : `(and ${parts.join(' ')})`;
}
