import type { SourceSpan } from '../../common/index.js';
import type { CallRule, Policy, ProgramRule } from '../../policy/index.js';
import { RING_CALLS } from '../../policy/index.js';
import { programRule } from '../programs.js';
import type { Complaints } from './lines.js';
import type { AclRule } from './rules.js';

/** What may be said of each kind of process, and what else to write. */
const WORDS = {
  self: ['execute', 'chroot', 'rings', 'signal', 'ptrace'],
  instance: ['signal', 'ptrace'],
  program: ['execute'],
} as const;

/** The calls that a word permits with any arguments. */
export const CALLS_OF: Readonly<Record<'chroot' | 'rings', readonly string[]>> = {
  chroot: ['chroot'],
  rings: RING_CALLS,
};

/**
 * The process rules of a list. `self` is the program and all that it forks; `instance` says what these may do to one another; a
 * path is a program that alone, or with others so named, may be executed.
 */
export class ProcessDrafts {
  #self: AclRule | undefined;
  #instance: AclRule | undefined;
  readonly #programs: ProgramRule[] = [];
  readonly #whole: SourceSpan;

  constructor(whole: SourceSpan) {
    this.#whole = whole;
  }

  add(rule: AclRule, complaints: Complaints): void {
    const { text, span } = rule.identifier;
    const kind = text === 'self' || text === 'instance' ? text : 'program';
    if (kind === 'program' && !text.startsWith('/')) {
      const hint = 'expected self, instance, or the path of a program';
      complaints.report('bad-value', `${text} names no process that a list can rule`, span, hint);
      return;
    }
    const known: readonly string[] = WORDS[kind];
    const wrong = [...rule.permissions].find((word) => !known.includes(word));
    if (wrong !== undefined) {
      const hint = `of ${text} a list says ${known.join(', ')}${kind === 'program' ? '' : ' or none'}`;
      complaints.report('bad-value', `${wrong} is not a permission on ${text}`, rule.span, hint);
    } else if (kind === 'self') this.#self = rule;
    else if (kind === 'instance') this.#instance = rule;
    else this.#program(rule, complaints);
  }

  #program(rule: AclRule, complaints: Complaints): void {
    if (rule.permissions.size === 0) {
      const { text } = rule.identifier;
      const hint = `leave it out of the programs, or write file ${text} without execute`;
      complaints.report('bad-value', `${text} is not executed where no rule says so`, rule.span, hint);
      return;
    }
    const program = programRule(rule.identifier.text, rule.identifier.span);
    if ('id' in program) this.#programs.push(program);
    else complaints.diagnostics.push(program);
  }

  check(complaints: Complaints): void {
    const [first] = this.#programs;
    if (first !== undefined && this.#self?.permissions.has('execute') === true) {
      const hint = 'remove execute there, or the rules for programs';
      complaints.report(
        'conflict',
        `process self may execute anything, so a rule for ${first.path} means nothing`,
        first.span,
        hint,
      );
    }
    if (this.#instance === undefined) return;
    for (const word of WORDS.instance) {
      if (this.#self?.permissions.has(word) === true && !this.#instance.permissions.has(word))
        complaints.report(
          'conflict',
          `process self has ${word}, and process instance has not`,
          this.#instance.span,
          'write it in one of the two',
        );
    }
  }

  get span(): SourceSpan {
    return this.#self?.span ?? this.#programs[0]?.span ?? this.#whole;
  }

  said(): Pick<Policy, 'exec' | 'programs' | 'processes'> {
    const listed = this.#programs.length > 0;
    const trace = [this.#self, this.#instance].some((rule) => rule?.permissions.has('ptrace') === true);
    // Signals within the instance need no rule.
    const silent = this.#instance !== undefined && !this.#instance.permissions.has('signal');
    return {
      exec: listed || this.#self?.permissions.has('execute') === true ? 'any' : 'once',
      programs: listed ? this.#programs : undefined,
      processes: { signal: silent ? 'none' : 'instance', trace: trace ? 'instance' : 'none' },
    };
  }

  /** The calls that the list permits beyond those of every list. */
  calls(): readonly (readonly [string, CallRule])[] {
    const rule = this.#self;
    if (rule === undefined) return [];
    return Object.entries(CALLS_OF)
      .filter(([word]) => rule.permissions.has(word))
      .flatMap(([, calls]) => calls)
      .map((call) => [call, { id: `calls:${call}`, call, permit: 'all', quiet: [], span: rule.span }]);
  }
}
