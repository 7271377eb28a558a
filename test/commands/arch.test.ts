import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { hostArch } from '../../src/commands/support/target.js';
import { AUDIT_ARCH, simulate } from '../../src/lowering/index.js';
import { shopFor, vxe } from './helpers.js';

const PROFILE = `vxed: 1
name: mover
type: filesystem
exec: any
files: {/: read execute}
calls:
  when: {openat: [{flags: {without: O_DIRECT}}]}
`;

const other = hostArch() === 'x86_64' ? 'aarch64' : 'x86_64';

test.serial(
  'a profile is compiled and proved for another machine, and this one does not start it',
  async (t) => {
    const shop = shopFor(t);
    writeFileSync(join(shop.folder, 'mover.vxed.yaml'), PROFILE);
    const here = { ...shop, env: { ...shop.env, VXE_PROFILES: shop.folder } };
    const nowhere = await vxe(here, ['profile', 'compile', 'mover', '--arch', other]);
    t.is(nowhere.status, 2);
    t.regex(nowhere.stderr, /this machine is .*--output/);
    const folder = join(shop.folder, 'abroad');
    const compiled = await vxe(here, ['profile', 'compile', 'mover', '--arch', other, '--output', folder]);
    t.is(compiled.status, 0, compiled.stderr);
    const filter = readFileSync(join(folder, 'mover/vxe/filter.bpf'));
    const read = other === 'aarch64' ? 63 : 0;
    t.is(simulate(filter, { nr: read, arch: AUDIT_ARCH[other], arguments: [] }).action, 'allow');
    const native = hostArch() === 'aarch64' ? 63 : 0;
    t.is(simulate(filter, { nr: native, arch: AUDIT_ARCH[hostArch()], arguments: [] }).action, 'notify');
    const config = readFileSync(join(folder, 'mover/config.json'), 'utf8');
    t.true(config.includes(`SCMP_ARCH_${other.toUpperCase()}`));

    const proved = await vxe(here, [
      'prove',
      join(shop.folder, 'mover.vxed.yaml'),
      '--arch',
      other,
      '--json',
    ]);
    const statements: readonly { statement: string; holds: boolean }[] = JSON.parse(proved.stdout).statements;
    const filters = statements.filter(({ statement }) => /^(the filter|so does)/.test(statement));
    t.deepEqual(
      filters.map(({ holds }) => holds),
      [true, true],
      proved.stderr,
    );

    const launcher = 'build/bin/vxe';
    if (process.getuid?.() !== 0 || !existsSync(launcher)) {
      t.log('not root, or the launcher is not built: nothing is started here');
      return;
    }
    const run = (compiledIn: string): string => {
      try {
        const env = { ...here.env, VXE_COMPILED: compiledIn };
        return execFileSync(launcher, ['run', 'mover', '/bin/true'], {
          env,
          encoding: 'utf8',
          stdio: 'pipe',
        });
      } catch (error) {
        return String((error as { stderr: unknown }).stderr);
      }
    };
    t.regex(
      run(folder),
      new RegExp(`vxe/(?:filter|soft)\\.bpf was compiled for ${other}, and this machine is ${hostArch()}`),
    );
    const control = join(shop.folder, 'home');
    t.is((await vxe(here, ['profile', 'compile', 'mover', '--output', control])).status, 0);
    t.is(run(control), '');
  },
);
