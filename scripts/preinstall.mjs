// npm runs this before it installs VXE from a packed tarball: the native parts are compiled here, against this system's
// libraries. In a checkout `make` builds them, and there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function works(command, args, input = '') {
  const done = spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] });
  return !done.error && done.status === 0;
}

/** Debian packages whose absence makes the build impossible, each told by trying what it is needed for. */
function missingPackages() {
  const missing = [];
  if (!works('make', ['--version'])) missing.push('make');
  if (!works('gcc', ['--version'])) return [...missing, 'gcc', 'libc6-dev', 'libseccomp-dev'];
  const links = (header, library) =>
    works(
      'gcc',
      ['-x', 'c', '-', '-static-pie', '-fPIE', '-o', '/dev/null', ...library],
      `#include <${header}>\nint main(void) { return 0; }\n`,
    );
  if (!links('stdlib.h', [])) return [...missing, 'libc6-dev', 'libseccomp-dev'];
  if (!links('seccomp.h', ['-lseccomp'])) missing.push('libseccomp-dev');
  return missing;
}

/** The addon's headers are an npm package, which npm may have put beside VXE instead of below it. */
function nodeHeaders() {
  return createRequire(import.meta.url)('node-api-headers').include_dir;
}

function main() {
  if (existsSync(join(root, 'test', 'architecture.test.ts'))) return 0;
  const missing = missingPackages();
  if (missing.length > 0) {
    console.error(`vxe: the native parts cannot be compiled: missing ${missing.join(', ')}`);
    console.error(
      `vxe: as root: apt-get install --no-install-recommends ${missing.join(' ')}; then install vxe again`,
    );
    return 1;
  }
  const built = spawnSync('make', ['-C', root, '--no-print-directory', 'native', 'addon', 'attack'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      NODE: process.execPath,
      C_INCLUDE_PATH: nodeHeaders(),
      MAKEFLAGS: '',
      MAKELEVEL: '',
    },
  });
  if (built.error) {
    console.error(`vxe: make could not be started: ${built.error.message}`);
    return 1;
  }
  if (built.status !== 0) console.error('vxe: the native parts did not compile; the lines above say why');
  return built.status === 0 ? 0 : 1;
}

process.exitCode = main();
