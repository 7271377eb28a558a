import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { shopFor, vxe } from './helpers.js';

test('every verb is in `commands --json`, with its arguments and options', async (t) => {
  const shop = shopFor(t);
  const ran = await vxe(shop, ['commands', '--json']);
  t.is(ran.status, 0, ran.stderr);
  const commands: {
    id: string;
    side: string;
    summary: string;
    args: { name: string }[];
    flags: { name: string }[];
  }[] = JSON.parse(ran.stdout).commands;
  const ids = commands.map((each) => each.id);
  for (const id of [
    'bundle create',
    'bundle audit',
    'bundle list',
    'bundle inspect',
    'bundle remove',
    'explain',
    'profile check',
    'profile list',
    'profile compile',
    'completion',
    'start',
    'stop',
    'restart',
    'status',
    'run',
    'exec',
    'logs',
  ]) {
    t.true(ids.includes(id), id);
  }
  t.true(commands.every((each) => each.summary !== ''));
  const create = commands.find((each) => each.id === 'bundle create');
  t.deepEqual(
    create?.args.map((each) => each.name),
    ['name'],
  );
  t.true(create?.flags.some((each) => each.name === 'accounts-from'));
});

test('bash completes verbs, options and the names of bundles', async (t) => {
  const shop = shopFor(t);
  const script = (await vxe(shop, ['completion', 'bash'])).stdout;
  mkdirSync(join(shop.bundles, 'popd'), { recursive: true });
  const file = join(shop.folder, 'vxe.bash');
  writeFileSync(file, script);
  const complete = (...words: string[]): string[] => {
    const text = `. ${file}; COMP_WORDS=(${words.map((each) => `'${each}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _vxe; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['--norc', '-c', text], { encoding: 'utf8', env: shop.env })
      .split('\n')
      .filter((line) => line !== '');
  };
  t.deepEqual(complete('vxe', 'sta'), ['start', 'status']);
  t.deepEqual(complete('vxe', 'bundle', 'in'), ['inspect']);
  t.true(complete('vxe', 'bundle', 'create', '--acc').includes('--accounts-from'));
  t.deepEqual(complete('vxe', 'start', 'po'), ['popd']);
  t.deepEqual(complete('vxe', 'completion', 'z'), ['zsh']);
});

for (const shell of ['zsh', 'fish'] as const) {
  test(`${shell} takes its file`, async (t) => {
    const shop = shopFor(t);
    const script = (await vxe(shop, ['completion', shell])).stdout;
    t.regex(script, /accounts-from/);
    t.regex(script, /popd|bundle/);
    const checked = spawnSync(shell, shell === 'fish' ? ['--no-execute'] : ['-n', '/dev/stdin'], {
      input: script,
    });
    // Where the shell is not installed only the content above is looked at.
    if (checked.error === undefined) t.is(checked.status, 0, checked.stderr.toString());
  });
}
