import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Width } from '../../src/common/index.js';
import { allConstants, callNumber, knownCalls, signatureOf } from '../../src/policy/index.js';

const HEADERS =
  `fcntl.h sys/socket.h netinet/in.h netinet/tcp.h netinet/udp.h sys/mman.h sched.h signal.h poll.h sys/epoll.h
  sys/eventfd.h sys/timerfd.h sys/signalfd.h sys/inotify.h sys/ioctl.h sys/wait.h sys/resource.h time.h sys/time.h sys/file.h
  sys/stat.h sys/random.h unistd.h sys/ipc.h sys/shm.h sys/sem.h sys/msg.h sys/prctl.h sys/mount.h termios.h stdio.h sys/uio.h
  linux/capability.h`.split(/\s+/);

/** Not what a program sees: the kernel's own mask, and a flag that the C library hides since it is always set. */
const OWN: ReadonlyMap<string, bigint> = new Map([
  ['SOCK_TYPE_MASK', 0xfn],
  ['O_LARGEFILE', 0o100000n],
  ['NULL', 0n],
]);

test('every constant that the headers define has the value in the table', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-constants-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const names = [...allConstants().keys()].filter((name) => !OWN.has(name));
  const includes = HEADERS.map((header) => `#include <${header}>`).join('\n');
  const lines = names.map(
    (name) => `#ifdef ${name}\nprintf("${name} %lld\\n", (long long)(${name}));\n#endif`,
  );
  const source = `#define _GNU_SOURCE\n${includes}\nint main(void) {\n${lines.join('\n')}\nreturn 0; }\n`;
  writeFileSync(join(folder, 'c.c'), source);
  execFileSync('cc', ['-w', '-o', join(folder, 'c'), join(folder, 'c.c')]);
  const found = execFileSync(join(folder, 'c'), { encoding: 'utf8' }).trim().split('\n');
  t.true(found.length > 700, `${found.length} constants`);
  for (const line of found) {
    const [name = '', value = ''] = line.split(' ');
    t.is(allConstants().get(name), BigInt(value), name);
  }
});

for (const [name, value] of OWN) {
  test(`${name} is ${value}`, (t) => {
    t.is(allConstants().get(name), value);
  });
}

const NUMBERS: readonly [string, number][] = [
  ['read', 0],
  ['openat', 257],
  ['clone3', 435],
  ['uretprobe', 335],
  ['landlock_restrict_self', 446],
];

for (const [call, nr] of NUMBERS) {
  test(`${call} is number ${nr}`, (t) => {
    t.is(callNumber(call), nr);
  });
}

test('no two calls share a number, and every signature is of a known call with at most six arguments', (t) => {
  const numbers = [...knownCalls().values()];
  t.is(new Set(numbers).size, numbers.length);
  for (const call of knownCalls().keys()) {
    const signature = signatureOf(call) ?? [];
    t.true(signature.length <= 6, call);
    t.is(new Set(signature.map((argument) => argument.name)).size, signature.length, call);
  }
});

const WIDTHS: readonly [string, string, Width][] = [
  ['ioctl', 'request', 32],
  ['ioctl', 'arg', 64],
  ['socket', 'domain', 32],
  ['mmap', 'prot', 64],
  ['clone', 'flags', 32],
  ['openat', 'mode', 16],
  ['sendto', 'addr', 64],
];

for (const [call, name, width] of WIDTHS) {
  test(`the kernel looks at ${width} bits of ${name} of ${call}`, (t) => {
    t.is(signatureOf(call)?.find((argument) => argument.name === name)?.width, width);
  });
}
