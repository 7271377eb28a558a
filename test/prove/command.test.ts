import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import { decodeProgram, encodeProgram } from '../../src/lowering/index.js';
import { callNumber } from '../../src/policy/index.js';
import { findDifference, startSolver } from '../../src/prove/index.js';
import { type Shop, shopFor, vxe } from '../commands/helpers.js';

const PROFILE = `vxed: 1
name: seeker
type: filesystem
exec: any
files: {/: read execute}
calls:
  quiet: {lseek: [{offset: {from: 7, to: 4096}, errno: EXDEV}]}
`;

function write(shop: Shop, name: string, text: string): string {
  const path = join(shop.folder, `${name}.vxed.yaml`);
  writeFileSync(path, text);
  return path;
}

test.serial('a profile is proved, compared and questioned from the command line', async (t) => {
  const shop = shopFor(t);
  const path = write(shop, 'seeker', PROFILE);
  const wider = write(shop, 'wider', PROFILE.replace('to: 4096', 'to: 4095'));
  const proved = await vxe(shop, ['prove', path, '--json', '--implies', path, '--stack', wider]);
  t.is(proved.status, 0, proved.stderr);
  t.is(JSON.parse(proved.stdout).statements.length, 2);
  const compared = await vxe(shop, ['prove', wider, '--implies', path]);
  t.is(compared.status, 1);
  t.regex(compared.stdout, /^NO .*\n {4}lseek\(fd: 0x[0-9a-f]+, offset: 0x1000, /);
  const asked = await vxe(shop, [
    'prove',
    path,
    '--never',
    'ptrace(_)',
    '--never',
    'openat("/etc/passwd", O_RDONLY)',
  ]);
  t.is(asked.status, 1);
  t.regex(asked.stdout, /^yes never ptrace\(_\)\nNO {2}never openat/);
  const wrong = await vxe(shop, ['prove', path, '--never', 'connect to 10.0.0.0/33']);
  t.is(wrong.status, 2);
});

test.serial(
  'a filter that was tampered with is caught, and the kernel does what the counterexample says',
  async (t) => {
    const launcher = 'build/bin/vxe';
    if (process.getuid?.() !== 0 || !existsSync(launcher)) {
      t.log('not root, or the launcher is not built: nothing is replayed here');
      t.pass();
      return;
    }
    const shop = shopFor(t);
    const path = write(shop, 'seeker', PROFILE);
    const helper = join(shop.folder, 'replay');
    execFileSync('gcc', ['-std=c17', '-D_GNU_SOURCE', '-o', helper, 'test/prove/replay.c']);
    const env = { ...shop.env, VXE_PROFILES: shop.folder };
    const compiled = await vxe({ ...shop, env }, ['profile', 'compile', 'seeker']);
    t.is(compiled.status, 0, compiled.stderr);
    const filterPath = join(shop.folder, 'compiled/seeker/vxe/filter.bpf');
    const filter = readFileSync(filterPath);
    const policy = unwrap(parseProfile({ name: path, text: PROFILE }));
    const solver = await startSolver();
    t.teardown(() => solver.close());
    const loader = { kind: 'vxe', supervised: ['listen'] } as const;
    const answer = (values: readonly bigint[]): number =>
      Number(
        execFileSync(
          launcher,
          // The filter itself, and not the one that raises what names files.
          ['run', '--no-record-files', 'seeker', helper, String(callNumber('lseek')), ...values.map(String)],
          {
            env,
            encoding: 'utf8',
          },
        ),
      );
    // The quiet refusal gives EXDEV, 18; without it the call goes through to a descriptor that is not there.
    t.is(answer([99n, 8n, 0n]), 18);
    const program = decodeProgram(filter);
    let found: Awaited<ReturnType<typeof findDifference>>;
    let flipped = filter;
    for (const [at, { code, jt, jf, k }] of program.entries()) {
      // The bound of the offset, and not a number of a call.
      if (code !== 0x35 || k !== 4097) continue;
      flipped = Buffer.from(encodeProgram(program.with(at, { code, jt: jf, jf: jt, k })));
      found = await findDifference({ policy, filter: flipped, arch: 'x86_64', loader }, solver);
      if (found?.call === 'lseek') break;
    }
    t.is(found?.call, 'lseek');
    const values = [99n, ...(found?.arguments.slice(1, 3) ?? [])];
    t.is(answer(values), found?.policy.startsWith('permits') === true ? 9 : 18);
    writeFileSync(filterPath, flipped);
    // What is let through finds no such descriptor; what is raised gets EPERM.
    const refused = Number(/with error (\d+)/.exec(found?.filter ?? '')?.[1] ?? 1);
    const changed = answer(values);
    t.is(changed, found?.filter === 'permits it' ? 9 : refused);
  },
);
