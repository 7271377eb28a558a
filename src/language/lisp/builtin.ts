import type { SourceSpan } from '../../common/index.js';
import type { Given, Value } from './value.js';

/** Counts what an evaluation costs and ends it where it costs too much. */
export interface Meter {
  spend(steps: number, span: SourceSpan): void;
}

export interface Builtin {
  readonly name: string;
  /** The operands as the reference shows them. */
  readonly operands: string;
  readonly summary: string;
  readonly min: number;
  readonly max: number;
  run(args: readonly Given[], span: SourceSpan, meter: Meter): Value;
}

type Run = Builtin['run'];

/** A table of functions from lines `name | operands | summary`; `...` after an operand: any number, brackets: may be left out. */
export function functionTable(rows: readonly (readonly [string, string, string, Run])[]): readonly Builtin[] {
  return rows.map(([name, operands, summary, run]) => {
    const words = operands.split(' ').filter((word) => word !== '');
    const needed = words.filter((word) => !word.startsWith('[') && word !== '...').length;
    const max = words.includes('...') ? Number.POSITIVE_INFINITY : words.length;
    return { name, operands, summary, min: needed, max, run };
  });
}

/** The operand at a place that the arity has been checked for. */
export function operand(args: readonly Given[], index: number): Given {
  const given = args[index];
  if (given === undefined) throw new RangeError(`operand ${index} is missing`);
  return given;
}
