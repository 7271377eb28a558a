import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { addressRows, addressText, rowsPermit } from '../../src/lowering/addresses/index.js';
import { PAIRS } from '../../src/lowering/socket-plan.js';
import { cgroupTree, maySplit } from '../../src/native/index.js';
import type { SocketAccess } from '../../src/policy/index.js';
import {
  decideEndpoint,
  internetRules,
  addressText as oneText,
  parseAddress,
} from '../../src/policy/index.js';
import { socketBodies } from '../policy/random-sockets.js';
import { buildWithSockets, policyOf, ports } from './helpers.js';

const tree = cgroupTree();
const usable = tree !== undefined && maySplit(tree) && ports.features().cgroup?.addresses === true;
const inKernel = usable ? test.serial : test.serial.skip;
if (!usable)
  test('the running kernel holds rules on addresses', (t) =>
    t.pass('skipped: this user loads no programs into a cgroup v2 tree here'));

const folder = mkdtempSync(join(tmpdir(), 'vxe-addresses-'));
const group = join(tree?.paths[0] ?? '/nonexistent', `vxe-addresses-test-${process.pid}`);
const helper = join(folder, 'socket-acts');

test.before(() => {
  if (!usable) return;
  buildWithSockets('test/lowering/socket_acts.c', helper);
});
test.after.always(() => {
  rmSync(folder, { recursive: true, force: true });
  try {
    rmdirSync(group);
  } catch {
    // It is gone, as it should be.
  }
});

const WAYS: Readonly<Record<string, readonly string[]>> = {
  'accept tcp': ['bind'],
  'accept udp': ['bind'],
  'connect tcp': ['connect', 'connect-again', 'fast-sendto', 'fast-sendmsg', 'fast-sendmmsg', 'ring-connect'],
  'connect udp': ['connect', 'connect-again', 'ring-connect'],
  'send udp': ['sendto', 'sendto-again', 'sendmsg', 'sendmmsg', 'ring-sendmsg'],
};

const ADDRESSES = [
  ...['10.0.0.1', '10.1.0.1', '10.1.2.1', '10.1.2.3', '127.0.0.1', '127.9.9.9', '192.0.2.1', '0.0.0.0'],
  ...[
    '::1',
    '::',
    'fd00::1',
    'fd00:1::1',
    '2001:db8::1',
    '::ffff:10.1.2.3',
    '::ffff:127.0.0.1',
    '::ffff:0.0.0.0',
  ],
];

interface Act {
  readonly way: string;
  readonly word: SocketAccess;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

const act = fc
  .constantFrom(...PAIRS)
  .chain(({ word, protocol }) =>
    fc
      .tuple(
        fc.constantFrom(...(WAYS[`${word} ${protocol}`] ?? [])),
        fc.constantFrom(...ADDRESSES),
        fc.constantFrom(79, 80, 84, 86, 88, 90, 93, 1023, 1024, 65535),
      )
      .map(([way, address, port]): Act => ({ way, word, protocol, address, port })),
  );

/** Each block's acts as the kernel answers them under the block's rules. */
function kernelSays(
  blocks: readonly { readonly rules: string; readonly acts: readonly Act[] }[],
): readonly string[] {
  const input = blocks.map(({ rules, acts }) => {
    const lines = acts.map((each) => `${each.way} ${each.protocol} ${each.address} ${each.port}\n`);
    return `${rules === '' ? '' : `${rules}\n`}.\n${lines.join('')}.\n`;
  });
  return execFileSync(helper, [group], { input: input.join(''), encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}

/* Random rules grant datagrams seldom, and some seeds none by some way: by these each way is granted and refused, whatever is drawn. */
const FIXED = ['connect accept', 'none'].map((words) => {
  const rules = [`"tcp/*": ${words}`, `"udp/*": ${words}${words === 'none' ? '' : ' send'}`];
  const acts = PAIRS.flatMap(({ word, protocol }) =>
    (WAYS[`${word} ${protocol}`] ?? []).flatMap((way) =>
      ['10.1.2.3', 'fd00::1'].map((address): Act => ({ way, word, protocol, address, port: 88 })),
    ),
  );
  return [`network: {sockets: {${rules.join(', ')}}, interface: host}\n`, acts] as const;
});

inKernel(
  'the evaluator, the lines of the table and the running kernel agree on random rules and addresses',
  (t) => {
    const seed = Number(process.env.VXE_SEED ?? Date.now() % 0x7fff_ffff);
    const drawn = fc.sample(fc.tuple(socketBodies, fc.array(act, { minLength: 60, maxLength: 60 })), {
      numRuns: 60,
      seed,
    });
    const blocks = [...FIXED, ...drawn].map(([body, acts]) => {
      const rules = internetRules(policyOf(body).network);
      const rows = PAIRS.flatMap(({ word, protocol }) => addressRows(rules, word, protocol));
      return { body, rows, policyRules: rules, acts, rules: addressText(rows) };
    });
    const answers = kernelSays(blocks);
    t.is(answers.length, blocks.length, `VXE_SEED=${seed}`);
    const counts = new Map<string, number>();
    for (const [index, { body, rows, policyRules, acts }] of blocks.entries()) {
      for (const [at, { way, word, protocol, address: text, port }] of acts.entries()) {
        const address = parseAddress(text);
        if (address === undefined) throw new RangeError(text);
        const granted = decideEndpoint(policyRules, word, { protocol, address, port }).granted;
        const answer = answers[index]?.[at];
        const where = `${way} ${protocol} ${text} (${oneText(address)}) port ${port}\n${body}`;
        if (rowsPermit(rows, word, { protocol, address, port }) !== granted)
          throw new Error(`VXE_SEED=${seed}: the lines say ${!granted}: ${where}`);
        if (answer !== 's' && answer !== (granted ? 'a' : 'r'))
          throw new Error(`VXE_SEED=${seed}: the kernel says ${answer}, the evaluator ${granted}: ${where}`);
        const key = `${way} ${protocol} ${answer}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    // Each way was refused and let through, so that neither answer is what it always gives.
    for (const [pair, ways] of Object.entries(WAYS)) {
      for (const way of ways) {
        const [granted, refused, absent] = ['a', 'r', 's'].map((answer) =>
          counts.get(`${way} ${pair.split(' ')[1]} ${answer}`),
        );
        t.true(
          absent !== undefined || ((granted ?? 0) > 0 && (refused ?? 0) > 0),
          `VXE_SEED=${seed}: ${way} ${pair}: ${granted} and ${refused}`,
        );
      }
    }
    t.log(`seed ${seed}`);
  },
);

inKernel('without rules every way is open, so that a refusal is the rules', (t) => {
  const acts = Object.entries(WAYS).flatMap(([pair, ways]) =>
    ways.flatMap((way) =>
      ADDRESSES.map((address): Act => {
        const protocol = pair.endsWith('tcp') ? 'tcp' : 'udp';
        return { way, word: 'connect', protocol, address, port: 88 };
      }),
    ),
  );
  const [answers = ''] = kernelSays([{ rules: '', acts }]);
  t.is(answers.length, acts.length);
  t.regex(answers, /^[as]*a[as]*$/);
});
