import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { parseConstants, signatureOf, valueSetOf, valueText } from '../../src/policy/index.js';

const rows: readonly [string, string, bigint, readonly bigint[], string | undefined][] = [
  ['openat', 'flags', 0x80000n, [], 'O_RDONLY|O_CLOEXEC'],
  ['openat', 'flags', 0x101441n, [], 'O_WRONLY|O_SYNC|O_APPEND|O_CREAT'],
  ['openat', 'flags', 0x410002n, [], 'O_RDWR|O_TMPFILE'],
  ['openat', 'mode', 0o644n, [], '0644'],
  ['socket', 'protocol', 6n, [2n], 'IPPROTO_TCP'],
  ['socket', 'protocol', 0n, [16n], 'NETLINK_ROUTE'],
  ['socket', 'protocol', 0n, [1n], '0'],
  ['fcntl', 'arg', 0x802n, [0n, 4n], 'O_RDWR|O_NONBLOCK'],
  ['fcntl', 'arg', 0x802n, [0n, 1n], undefined],
  ['clone', 'flags', 0x1200011n, [], 'CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD'],
  ['clone', 'flags', 0x100n, [], 'CLONE_VM'],
  ['futex', 'operation', 0x81n, [], 'FUTEX_WAKE|FUTEX_PRIVATE_FLAG'],
  ['ioctl', 'request', 0x1234n, [], '0x1234'],
  ['kill', 'pid', 1n, [], undefined],
];

for (const [call, name, value, registers, expected] of rows) {
  test(`${call}: ${name} ${value} with ${registers.join(', ') || 'nothing else'} is ${expected ?? 'not named'}`, (t) => {
    const argument = signatureOf(call)?.find((each) => each.name === name);
    if (argument === undefined) return t.fail('no such argument');
    const set = valueSetOf(call, argument, registers);
    t.is(set === undefined ? undefined : valueText(set, value), expected);
    const back = expected === undefined ? undefined : parseConstants(expected);
    if (back?.ok === true) t.is(back.value, value, 'what is written is read as the same value');
  });
}

test("the native side's tables are made from these", (t) => {
  const made = execFileSync(process.execPath, ['scripts/native-tables.mjs', '--print'], { encoding: 'utf8' });
  t.true(
    made === readFileSync('runtime-native/decode/tables.c', 'utf8'),
    'runtime-native/decode/tables.c is out of date: node scripts/native-tables.mjs',
  );
});
