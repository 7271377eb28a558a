// Namespaces of their own for programs that make containers: what is left over in there ends with them.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tag } from './subject.mjs';

const hierarchy = 'umount -l /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup';
const sweep = `find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -name '*${tag}*' -exec find {} -depth -type d -delete \\;`;

/**
 * Runs this program once more, with --inside FOLDER, in mount, pid and network namespaces of its own, where cgroup v2 alone is mounted on
 * /sys/fs/cgroup. Gives its exit code; 77 where there is no cgroup v2.
 */
export function startOver(name) {
  const place = mkdtempSync(join(tmpdir(), `vxe-${name}-`));
  // The root of a container's user namespace is nobody here, and has to get to its rootfs.
  chmodSync(place, 0o711);
  try {
    const script = `${hierarchy} || exit 77; ip link set lo up; "$@" & wait $!`;
    const words = [
      '--mount',
      '--pid',
      '--net',
      '--fork',
      '--kill-child=KILL',
      '--mount-proc',
      '--propagation',
      'private',
    ];
    const done = spawnSync(
      'unshare',
      [...words, 'bash', '-c', script, 'bash', process.execPath, ...process.argv.slice(1), '--inside', place],
      { stdio: 'inherit', env: { ...process.env, VXE_SUITE_TAG: tag } },
    );
    return done.status;
  } finally {
    // Where it broke off. By now nothing of it runs.
    spawnSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', `${hierarchy}; ${sweep}`]);
    rmSync(place, { recursive: true, force: true });
  }
}

/** What a runtime leaves in the hierarchy would stay on the host. */
export function removeCgroups() {
  for (const name of readdirSync('/sys/fs/cgroup')) {
    if (!name.includes(tag)) continue;
    try {
      rmdirSync(join('/sys/fs/cgroup', name));
    } catch (error) {
      console.error(`the cgroup ${name} is left: ${error.code}`);
    }
  }
}
