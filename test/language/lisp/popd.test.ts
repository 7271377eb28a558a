import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../../src/common/index.js';
import { parseLispProfile, parseProfile } from '../../../src/language/index.js';
import { decideCall, knownCalls, scalarEvent } from '../../../src/policy/index.js';
import { withoutSpans } from './helpers.js';

function profiles() {
  const file = (name: string) => ({ name, text: readFileSync(name, 'utf8') });
  return {
    lisp: unwrap(parseLispProfile(file('profiles/popd.vxed'))),
    yaml: unwrap(parseProfile(file('profiles/popd.vxed.yaml'))),
  };
}

test('popd in vxelisp is popd in YAML, but for the places of the text', (t) => {
  const { lisp, yaml } = profiles();
  t.deepEqual(withoutSpans(lisp), withoutSpans(yaml));
});

test('both decide alike on random calls', (t) => {
  const { lisp, yaml } = profiles();
  const near = [0n, 1n, 2n, 3n, 5n, 0x10n, 0x22n, 0x801n, 0x3000n, 0x3fffn, 0x4000n, 0x5401n, 0x1200011n];
  const value = fc.oneof(
    fc.constantFrom(...near),
    fc.bigInt(0n, (1n << 64n) - 1n),
    fc.constantFrom(...near).map((each) => each | (7n << 32n)),
  );
  let allowed = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...knownCalls().keys(), ...Array(40).fill('socket'), ...Array(40).fill('mmap')),
      fc.array(value, { minLength: 6, maxLength: 6 }),
      (call, values) => {
        const event = scalarEvent(call, values);
        const [a, b] = [decideCall(lisp, event), decideCall(yaml, event)];
        if (a.verdict === 'allow') allowed++;
        t.is(`${a.verdict} ${a.errno} ${a.rule} ${a.quiet}`, `${b.verdict} ${b.errno} ${b.rule} ${b.quiet}`);
      },
    ),
    { numRuns: 3000 },
  );
  t.true(allowed > 100);
});
