import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { FORMS } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';
import { decide, hooksOn } from '../../src/policy/index.js';
import { policyOf } from '../policy/helpers.js';
import { bodies } from './acl-helpers.js';
import { events } from './random-events.js';

/** The policy as each form prints and reads it; a form that cannot say it names what it cannot. */
function forms(policy: Policy): ReadonlyMap<string, Policy> {
  const all = new Map<string, Policy>();
  for (const form of FORMS) {
    const printed = form.print(policy);
    if (!printed.ok) {
      if (printed.diagnostics.some((each) => each.code !== 'not-expressible' || each.message === ''))
        throw new Error(printed.diagnostics[0]?.message);
      continue;
    }
    const file = { name: `test${form.extensions[0]}`, text: printed.value };
    all.set(form.format, unwrap(form.parse(file), [file]));
  }
  return all;
}

for (const type of ['strict', 'filesystem'] as const) {
  test(`the forms of one ${type} profile decide alike on random events`, (t) => {
    const said = new Map<string, number>();
    const verdicts = { allow: 0, refuse: 0 };
    let hooked = 0;
    const profiles = type === 'strict' ? bodies() : fc.oneof(bodies(false), bodies());
    fc.assert(
      fc.property(
        profiles.chain((body) => {
          const policy = policyOf(body.replaceAll(/exec: once/g, 'exec: any'), type);
          return fc.tuple(fc.constant(policy), fc.array(events(policy), { minLength: 25, maxLength: 25 }));
        }),
        ([policy, all]) => {
          for (const [format, other] of forms(policy)) {
            said.set(format, (said.get(format) ?? 0) + 1);
            for (const event of all) {
              const [a, b] = [decide(policy, event), decide(other, event)];
              verdicts[a.verdict]++;
              const told = (each: Policy): string =>
                hooksOn(each, event)
                  .map(({ id }) => id)
                  .join();
              if (told(policy) !== '') hooked++;
              t.is(told(other), told(policy));
              t.is(
                `${b.verdict} ${b.errno} ${b.rule} ${b.quiet}`,
                `${a.verdict} ${a.errno} ${a.rule} ${a.quiet}`,
              );
            }
          }
        },
      ),
      { numRuns: 100 },
    );
    t.true(verdicts.allow > 100 && verdicts.refuse > 100);
    t.true(hooked > 10, `${hooked}`);
    // A list of rules names no calls, so that only some profiles can be said by it.
    const wanted = type === 'strict' ? ['yaml', 'lisp'] : ['yaml', 'lisp', 'acl'];
    for (const format of wanted) t.true((said.get(format) ?? 0) > 10, format);
  });
}
