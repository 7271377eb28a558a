import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Result } from '../../src/common/index.js';
import type { ArgumentTest, Policy } from '../../src/policy/index.js';
import { conditionHolds, decideCall, scalarEvent, signatureOf } from '../../src/policy/index.js';
import { conditions } from './acl-helpers.js';

/** A form of profiles, there and back. */
interface Form {
  readonly print: (policy: Policy) => Result<string>;
  readonly read: (text: string) => Policy;
  /** A policy that the condition is put into. */
  readonly base: Policy;
  /** What the condition's own words may be: a form may repeat them only where they mean what it does. */
  readonly words: readonly string[];
  /** How many of 300 random conditions must be sayable at least, for the test to have tried something. */
  readonly least: number;
}

/** Prints random conditions on an argument and asks what is read again about the values. */
export function keepsConditions(t: ExecutionContext, { print, read, base, words, least }: Form): void {
  const argument = signatureOf('mmap')?.find((candidate) => candidate.name === 'prot');
  const [index, width] = [argument?.index ?? 0, argument?.width ?? 32];
  const bits = fc.oneof(fc.bigInt(0n, 16n), fc.bigInt(0n, (1n << BigInt(width)) - 1n));
  const values = fc.array(bits, { minLength: 8, maxLength: 8 });
  let printed = 0;
  fc.assert(
    fc.property(conditions(width), fc.constantFrom(...words), values, (condition, text, tried) => {
      const result = print(withTest(base, { index, name: 'prot', width, condition, text }));
      if (!result.ok) {
        // Said of nothing but what never holds, or is too large.
        t.regex(result.diagnostics[0]?.message ?? '', /nothing satisfies/);
        return;
      }
      printed++;
      const again = read(result.value);
      for (const value of tried) {
        const event = scalarEvent('mmap', [0n, 1n, value, 2n, 3n, 0n]);
        t.is(decideCall(again, event).verdict === 'allow', conditionHolds(condition, value));
      }
    }),
    { numRuns: 300 },
  );
  t.true(printed > least);
}

function withTest(policy: Policy, argumentTest: ArgumentTest): Policy {
  const rule = { id: 'calls:mmap', call: 'mmap', quiet: [], span: policy.span };
  const permit = [{ tests: [argumentTest], span: policy.span }];
  return { ...policy, calls: new Map([...policy.calls, ['mmap', { ...rule, permit }]]) };
}
