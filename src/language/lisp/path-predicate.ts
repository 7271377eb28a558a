import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { PathPredicate } from '../../policy/index.js';
import type { PathQuestion } from './evaluate.js';
import { Evaluator } from './evaluate.js';
import { LispError } from './form.js';
import { questionText } from './print-core.js';
import type { Value } from './value.js';
import { string } from './value.js';

/** Steps that a predicate may take for one path. */
const STEPS_MAX = 100_000;

/** A question about paths as the policy asks it. */
export class LispPredicate implements PathPredicate {
  readonly #question: PathQuestion;
  readonly #answers = new Map<string, Result<boolean>>();
  #text: string | undefined;

  constructor(question: PathQuestion) {
    this.#question = question;
  }

  get text(): string {
    this.#text ??= questionText(this.#question);
    return this.#text;
  }

  holds(path: string): Result<boolean> {
    const known = this.#answers.get(path);
    if (known !== undefined) return known;
    const answer = this.#ask(string(path));
    this.#answers.set(path, answer);
    return answer;
  }

  below(folder: string): boolean | undefined {
    const answer = this.#ask({ kind: 'below', folder });
    return answer.ok ? answer.value : undefined;
  }

  #ask(path: Value): Result<boolean> {
    try {
      const { globals } = this.#question;
      const value = new Evaluator(STEPS_MAX, globals).answer(this.#question, path);
      if (value.kind === 'bool') return success(value.value);
      return failure({ code: 'not-expressible', message: 'it is not the same for all paths' });
    } catch (error) {
      if (error instanceof LispError && error.diagnostic !== undefined) return failure(error.diagnostic);
      throw error;
    }
  }
}
