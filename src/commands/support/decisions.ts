import { type Places, readBundleProfile } from '../../bundle/index.js';
import { plainLine } from '../../common/index.js';
import { formOf } from '../../language/index.js';
import type { Decision, Violation } from '../../learning/index.js';
import { applyEdit, decisionsOf, readViolations } from '../../learning/index.js';
import type { Policy } from '../../policy/index.js';
import { objectRecords, recordText } from '../../runtime/index.js';
import { controlledIfThere } from './control.js';
import { policyFor } from './prove.js';
import { sinceTime } from './since.js';

export interface LoggedViolations {
  readonly violations: readonly Violation[];
  readonly unreadable: number;
  readonly policy: Policy;
}

/** The violations of an instance, with the profile that they are against: its bundle's, or the one that they name. */
export function loggedViolations(
  name: string,
  places: Places,
  since?: string,
  instances: readonly string[] = [name],
): LoggedViolations {
  const bundle = controlledIfThere(name, places);
  const bundled = bundle === undefined ? undefined : readBundleProfile(bundle).policy;
  const { records: violations, unreadable } = readViolations(
    instances.length === 1
      ? recordText('violations', places.logs, name)
      : instances.map((id) => recordText('violations', places.logs, id, '')).join(''),
  );
  const from = since === undefined ? undefined : sinceTime(since);
  const chosen = from === undefined ? violations : violations.filter(({ time }) => time >= from);
  const policy = bundled ?? policyFor(violations.at(-1)?.profile ?? name, places).policy;
  return { violations: chosen, unreadable, policy };
}

/** Who records what Landlock refuses, to be told where the log is empty. */
export function recordsLine(bundle: string | undefined, name: string): string {
  const records = bundle === undefined ? undefined : objectRecords(name);
  return records === undefined ? '' : `\n${name}: ${records}`;
}

/** Those of which the profile has the narrowest rule by now, as after an upgrade; what was started before holds it after a restart. */
export function settledOf(decisions: readonly Decision[], policy: Policy): ReadonlySet<Decision> {
  const before = printed(policy);
  const isSettled = ({ choices: [narrowest] }: Decision): boolean =>
    narrowest !== undefined && printed(narrowest.edits.reduce<Policy>(applyEdit, policy)) === before;
  return new Set(before === undefined ? [] : decisions.filter(isSettled));
}

function printed(policy: Policy): string | undefined {
  const text = formOf('profile.vxed.yaml')?.print(policy);
  return text?.ok === true ? text.value : undefined;
}

/** A decision as lines for people. */
export function decisionLines(decision: Decision, settled = false): readonly string[] {
  const { subject, count, last, programs, rules, performed, refused } = decision;
  const verdict =
    refused === 0 ? 'performed' : performed === 0 ? 'refused' : `${refused} refused, ${performed} performed`;
  const unseen = decision.key.startsWith('none:unseen:');
  const lines = [
    `${subject}`,
    `  ${count} ${count === 1 ? 'time' : 'times'}, ${verdict}, last ${last.slice(0, 19).replace('T', ' ')}, by ${programs.join(', ')}`,
    unseen ? '  judged by nobody' : `  refused by ${rules.join(', ')}`,
  ];
  if (settled) {
    lines.push(`  permitted by now: ${decision.choices[0]?.rule}`);
    return lines.map(plainLine);
  }
  for (const [index, choice] of decision.choices.entries()) {
    const mark = choice.danger === undefined ? '' : `   ! ${choice.danger}`;
    lines.push(`  ${index === 0 ? 'permit by' : 'or wider '} ${choice.rule}${mark}`);
  }
  if (decision.choices.length === 0) lines.push(unseen ? '  no rule comes of it' : '  no rule can permit it');
  return lines.map(plainLine);
}

export function decide(logged: LoggedViolations): readonly Decision[] {
  return decisionsOf(logged.violations, logged.policy);
}
