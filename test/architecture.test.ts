import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import test from 'ava';

/** The tests run from build/ts/test, the working directory is the repository. */
const root = process.cwd();

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function filesBelow(folder: string, accept: RegExp): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && accept.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split('/').includes('node_modules'))
    .sort();
}

/** The layer table of docs/architecture.md: folder -> the folders that it may import. */
function layers(): Map<string, Set<string>> {
  const table = new Map<string, Set<string>>();
  for (const line of read('docs/architecture.md').split('\n')) {
    const row = /^\| `src\/(\w+)` \|.*\|([^|]*)\|\s*$/.exec(line);
    const [, folder, allowed] = row ?? [];
    if (folder === undefined || allowed === undefined) continue;
    const words = allowed.trim();
    if (words === 'nothing') table.set(folder, new Set());
    else if (words === 'all above') table.set(folder, new Set(table.keys()));
    else table.set(folder, new Set(words.split(',').map((word) => word.trim())));
  }
  return table;
}

/** Every module named by an import or export statement, an import type or a call of import() or require(). */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const patterns = [
    /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));
}

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly name: string;
  /** For relative imports: the imported file, relative to src/. */
  readonly target: string | null;
}

function sourceImports(): Import[] {
  return filesBelow('src', /\.ts$/).flatMap((file) =>
    importsOf(read(file)).map((name) => ({
      file,
      folder: file.split('/')[1] ?? '',
      name,
      target: name.startsWith('.') ? relative('src', normalize(join(dirname(file), name))) : null,
    })),
  );
}

test('the import reader sees every form of import', (t) => {
  const source = `
    import a from './a.js';
    import { b,
      c } from "./b.js";
    import type { D } from './d.js';
    export * from './e.js';
    import './f.js';
    const g = await import('./g.js');
    type H = import('./h.js').H;
    // import x from './x.js';
  `;
  const seen = importsOf(source).map((name) => name.slice(2, 3));
  t.deepEqual([...seen].sort(), ['a', 'b', 'd', 'e', 'f', 'g', 'h']);
});

test('the layer table has a row for every folder of src, and only allows what has a row', (t) => {
  const table = layers();
  t.true(table.size >= 8, 'the table in docs/architecture.md was not found');
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true });
  for (const entry of folders) {
    if (entry.isDirectory()) t.true(table.has(entry.name), `src/${entry.name} has no row`);
  }
  for (const [folder, allowed] of table) {
    for (const other of allowed)
      t.true(table.has(other), `src/${folder} may import ${other}, which has no row`);
  }
});

test('folders of src import along the layer table only, and only index files', (t) => {
  const table = layers();
  const imports = sourceImports();
  t.true(imports.length > 0);
  for (const { file, folder, name, target } of imports) {
    if (target === null) continue;
    const other = target.split('/')[0] ?? '';
    if (other === folder) continue;
    t.true(
      table.get(folder)?.has(other) ?? false,
      `${file} imports ${name}: src/${folder} may not import ${other}`,
    );
    t.is(target, `${other}/index.js`, `${file} imports ${name}: across folders only index.js is imported`);
  }
});

test('the lowerings do not know each other', (t) => {
  const siblings = ['seccomp', 'landlock', 'mounts'];
  for (const { file, name, target } of sourceImports()) {
    const [, from = ''] = /^src\/lowering\/(\w+)\//.exec(file) ?? [];
    const [, to = ''] = /^lowering\/(\w+)\//.exec(target ?? '') ?? [];
    if (siblings.includes(from) && siblings.includes(to)) t.is(to, from, `${file} imports ${name}`);
  }
  t.pass();
});

test('packages that are imported are dependencies', (t) => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const dependencies = { ...manifest.dependencies, ...manifest.optionalDependencies };
  for (const { file, name, target } of sourceImports()) {
    if (target !== null || name.startsWith('node:')) continue;
    t.false(builtinModules.includes(name), `${file} imports ${name} without node:`);
    const wanted = name
      .split('/')
      .slice(0, name.startsWith('@') ? 2 : 1)
      .join('/');
    t.true(Object.hasOwn(dependencies, wanted), `${file} imports ${wanted}, which is no dependency`);
  }
  t.pass();
});

test('only src/native loads the addon', (t) => {
  for (const file of filesBelow('src', /\.ts$/)) {
    if (file.startsWith('src/native/')) continue;
    t.notRegex(read(file), /node_seccomp\.node/, `${file} names the addon`);
  }
  t.pass();
});

/** What the build lets each native folder see; a forbidden include does not compile, except one that goes through `..`. */
function nativeSight(): Map<string, Set<string>> {
  const sight = new Map<string, Set<string>>();
  for (const match of read('Makefile').matchAll(/^SEES_(\w+) := (.*)$/gm)) {
    const [, folder = '', sees = ''] = match;
    sight.set(folder, new Set(sees.trim().split(/\s+/)));
  }
  return sight;
}

interface Include {
  readonly file: string;
  readonly folder: string;
  readonly name: string;
  readonly quoted: boolean;
}

function nativeIncludes(): Include[] {
  return filesBelow('runtime-native', /\.[ch]$/).flatMap((file) =>
    [...read(file).matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)].map(([, open, name = '']) => ({
      file,
      folder: file.split('/')[1] ?? '',
      name,
      quoted: open === '"',
    })),
  );
}

test('native folders include only what they may see', (t) => {
  const sight = nativeSight();
  // The addon is linked with nothing of ours; the others hold headers that everybody sees.
  const apart = ['node-seccomp', 'include', 'uapi'];
  t.deepEqual([...(sight.get('base') ?? [])], ['base'], 'base must see nothing but itself');
  const home = new Map<string, string>();
  for (const header of filesBelow('runtime-native', /\.h$/)) {
    const [, folder = '', ...rest] = header.split('/');
    if (!sight.has(folder)) continue;
    const name = rest.join('/');
    t.false(home.has(name), `${header}: ${home.get(name)} has a header of that name too`);
    home.set(name, folder);
  }
  for (const { file, folder, name, quoted } of nativeIncludes()) {
    t.true(
      sight.has(folder) || apart.includes(folder),
      `${file} is in a folder that the Makefile does not know`,
    );
    if (!quoted) continue;
    t.false(name.includes('..'), `${file} includes ${name}: include paths are the build's to give`);
    const [first = '', ...rest] = name.split('/');
    if (!sight.has(folder)) {
      t.true(
        existsSync(join(root, 'runtime-native', folder, name)),
        `${file} includes ${name} of another folder`,
      );
      continue;
    }
    const target = sight.has(first) && rest.length > 0 ? first : home.get(name);
    if (target === undefined || target === folder) continue;
    t.true(sight.get(folder)?.has(target) ?? false, `${file} includes ${name} of ${target}`);
  }
});

test('libraries are known to one place each', (t) => {
  const owners: [RegExp, RegExp][] = [
    [/^bpf\//, /^runtime-native\/(bpf\/|recorder\/bpf_source\.c$)/],
    [/^node_api\.h$/, /^runtime-native\/node-seccomp\//],
    [
      /^seccomp\.h$/,
      /^runtime-native\/(decode|runtime|supervisor|verbs|attack|recorder|test|fuzz|node-seccomp)\//,
    ],
    [
      /^linux\/(landlock|seccomp|bpf)\.h$/,
      /^runtime-native\/(include|runtime|supervisor|verbs|attack|bpf|recorder|test|fuzz|uapi|node-seccomp)\//,
    ],
  ];
  for (const { file, name } of nativeIncludes()) {
    for (const [library, owner] of owners) {
      if (library.test(name)) t.regex(file, owner, `${file} includes ${name}`);
    }
  }
  t.pass();
});

const textFolders = [
  'src',
  'bin',
  'bundles',
  'profiles',
  'schemas',
  'runtime-native',
  'test',
  'scripts',
  'docs',
  'man',
  'contrib',
  '.ci',
];
const knownHosts = [
  /(^|\.)example\.(com|org|net)$/,
  /(^|\.)(kernel|opencontainers|json-schema|apache|debian|nodejs|freedesktop|spdx|keepachangelog|semver|biomejs)\.(org|dev|com)$/,
  /^(localhost|127\.0\.0\.1|\[::1\])$/,
  /^github\.com$/,
];

test('no file names a machine: no private paths, no mirrors or registries', (t) => {
  const top = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '.git' && !/\.(tgz|log)$/.test(entry.name))
    .map((entry) => entry.name);
  const files = [...top, ...textFolders.flatMap((folder) => filesBelow(folder, /^[^.].*$|^run$/))];
  for (const file of files) {
    const text = read(file);
    if (text.includes('\0')) continue;
    if (file === 'package-lock.json') {
      t.notRegex(
        text,
        /"resolved"/,
        `${file} names where packages came from (npm's omit-lockfile-registry-resolved)`,
      );
      continue;
    }
    t.notRegex(
      text,
      new RegExp(['/Us', 'ers/|/wo', 'rk/(main|shared)|/workspaces?/'].join('')),
      `${file} names a private path`,
    );
    for (const [, host = ''] of text.matchAll(/\bhttps?:\/\/([A-Za-z0-9.-]+|\[[0-9a-f:]+\])/g)) {
      t.true(
        knownHosts.some((known) => known.test(host)),
        `${file} names the host ${host}`,
      );
    }
  }
});
