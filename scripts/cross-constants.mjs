// Compiles the tables' constants against another machine's headers and compares: only the flags of open(2) may differ, and as the
// tables say. The names that a header does not have are counted.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allConstants, canonicalArguments, constantValue } from '../build/ts/src/policy/index.js';

const [compiler] = process.argv.slice(2);
const HEADERS =
  `fcntl.h sys/socket.h netinet/in.h netinet/tcp.h netinet/udp.h sys/mman.h sched.h signal.h poll.h sys/epoll.h
  sys/eventfd.h sys/timerfd.h sys/signalfd.h sys/inotify.h sys/ioctl.h sys/wait.h sys/resource.h time.h sys/time.h sys/file.h
  sys/stat.h sys/random.h unistd.h sys/ipc.h sys/shm.h sys/sem.h sys/msg.h sys/prctl.h sys/mount.h termios.h stdio.h sys/uio.h
  sys/ptrace.h sys/personality.h linux/capability.h linux/seccomp.h linux/futex.h linux/fs.h linux/keyctl.h linux/netlink.h
  linux/if_tun.h linux/sockios.h linux/random.h linux/membarrier.h linux/close_range.h`.split(/\s+/);

/** Where one name stands for different things: what the C library hides, and the flags of open(2). */
const HIDDEN = new Set(['O_LARGEFILE', 'NULL', 'SOCK_TYPE_MASK']);

const folder = mkdtempSync(join(tmpdir(), 'vxe-cross-'));
try {
  const names = [...allConstants().keys()].filter((name) => !HIDDEN.has(name));
  // The values are read from the object file: nothing has to run.
  const rows = names.map((name) => `#ifdef ${name}\n{"${name}", (long long)(${name})},\n#endif`);
  const source = `#define _GNU_SOURCE\n${HEADERS.map((header) => `#include <${header}>`).join('\n')}
const struct { char name[64]; long long value; } vxe_table[] __attribute__((section(".vxe"), used)) = {
${rows.join('\n')}
};\n`;
  const [text, object, data] = ['c.c', 'c.o', 'data'].map((name) => join(folder, name));
  writeFileSync(text, source);
  execFileSync(compiler, ['-w', '-c', '-o', object, text], { stdio: 'inherit' });
  const bytes = section(object, data, compiler);
  let [same, moved] = [0, 0];
  for (let at = 0; at < bytes.length; at += 72) {
    const name = bytes.toString('latin1', at, at + 64).replace(/\0.*$/s, '');
    const there = bytes.readBigInt64LE(at + 64);
    const here = constantValue(name);
    if (there === here) {
      same++;
      continue;
    }
    const [, , meant] = canonicalArguments('openat', 'aarch64', [0n, 0n, BigInt.asUintN(64, there)]);
    if (!name.startsWith('O_') || meant !== here)
      throw new Error(`${name} is ${there} there and ${here} here`);
    moved++;
  }
  if (same < 1000 || moved !== 4)
    throw new Error(`${same} constants are the same and ${moved} moved: not what is known`);
  console.log(
    `cross: ${same} constants are the same there, ${moved} as the table says; ${names.length - same - moved} not in these headers`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function section(object, data, cc) {
  execFileSync(cc.replace(/gcc$/, 'objcopy'), ['-O', 'binary', '--only-section=.vxe', object, data]);
  return execFileSync('cat', [data], { maxBuffer: 1 << 24 });
}
