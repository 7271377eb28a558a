import type { RecordedCall } from '../recording/index.js';

/** Why a rule is there: how often, in which runs, by which executable, and one instance of it. */
export interface Evidence {
  readonly count: number;
  readonly runs: readonly string[];
  readonly by: readonly string[];
  readonly example: string;
}

/** Gathers evidence call by call. */
export class EvidenceSum {
  #count = 0;
  readonly #runs = new Set<string>();
  readonly #by = new Set<string>();
  #example = '';

  add(run: string, call: RecordedCall): void {
    this.#count += call.count;
    this.#runs.add(run);
    if (call.exe !== '') this.#by.add(call.exe);
    if (this.#example === '') this.#example = call.detail ?? call.call;
  }

  get value(): Evidence {
    return {
      count: this.#count,
      runs: [...this.#runs].sort(),
      by: [...this.#by].sort(),
      example: this.#example,
    };
  }
}

/** All of several. */
export function evidenceOf(parts: readonly Evidence[]): Evidence {
  const [first] = parts;
  return {
    count: parts.reduce((sum, part) => sum + part.count, 0),
    runs: [...new Set(parts.flatMap((part) => part.runs))].sort(),
    by: [...new Set(parts.flatMap((part) => part.by))].sort(),
    example: first?.example ?? '',
  };
}
