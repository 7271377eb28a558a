import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { unwrap } from '../../common/index.js';
import { closureOf, type Root } from '../closure/index.js';
import { bufferBytes, ElfError, type ElfFile, isElf, parseElf } from '../elf/index.js';
import { Failure } from '../failure.js';
import { type Manifest, type ManifestEntry, readManifest } from '../manifest.js';
import { parseRecipe, type Recipe } from '../recipe/index.js';
import { secretIn } from '../rootfs/secrets.js';
import { Tree } from '../source/tree.js';
import { interpreterLibrary, type ToolClass, toolByContent, toolByName, toolNames } from './tools.js';
import { type Found, walkRootfs } from './walk.js';

export type FindingKind = ToolClass | 'not admitted' | 'altered' | 'setuid' | 'device' | 'secret' | 'broken';

/** Why a bundle is not fit. */
export interface Finding {
  readonly path: string;
  readonly kind: FindingKind;
  readonly message: string;
}

/** A file that could be executed or loaded as code, and why it is in. */
export interface Executable {
  readonly path: string;
  readonly form: 'program' | 'interpreter' | 'library' | 'script' | 'link';
  readonly why: string;
  readonly from: string;
  readonly admitted: boolean;
}

export interface AuditReport {
  readonly name: string;
  readonly digest: string;
  readonly ok: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly executables: readonly Executable[];
  readonly findings: readonly Finding[];
}

/** Looks at what is on disk, not at what was meant: every executable, why it is in, and whatever should not be. */
export function auditBundle(bundle: string): AuditReport {
  const { manifest, digest } = readManifest(bundle);
  const recipe = readRecipe(bundle);
  const found = walkRootfs(join(bundle, 'rootfs'));
  const findings = [...compareWithManifest(bundle, manifest, found)];
  const state = new Audit(join(bundle, 'rootfs'), recipe, manifest, found);
  findings.push(...state.run());
  findings.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return {
    name: manifest.name,
    digest,
    ok: findings.length === 0,
    files: found.filter((each) => each.type === 'file').length,
    bytes: found.reduce((sum, each) => sum + (each.content?.length ?? 0), 0),
    executables: state.executables,
    findings,
  };
}

function readRecipe(bundle: string): Recipe {
  const file = join(bundle, 'vxe/recipe.yaml');
  if (!existsSync(file))
    throw new Failure('bundle-broken', bundle, 'has no vxe/recipe.yaml', {
      hint: 'create it again with --replace',
    });
  const source = { name: file, text: readFileSync(file, 'utf8') };
  return unwrap(parseRecipe(source), [source]);
}

function* compareWithManifest(
  bundle: string,
  manifest: Manifest,
  found: readonly Found[],
): Generator<Finding> {
  const expected = new Map(manifest.entries.map((entry) => [entry.path, entry]));
  for (const each of found) {
    const entry = expected.get(each.path);
    expected.delete(each.path);
    if (entry === undefined)
      yield { path: each.path, kind: 'altered', message: 'is not in the manifest; it was put there later' };
    else yield* difference(entry, each);
  }
  for (const path of expected.keys())
    yield { path, kind: 'altered', message: 'is in the manifest and was removed' };
  for (const [file, sha256] of Object.entries(manifest.plan)) {
    const path = join(bundle, file);
    const actual = existsSync(path)
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : undefined;
    if (actual !== sha256)
      yield {
        path: file,
        kind: 'altered',
        message: actual === undefined ? 'was removed' : 'was changed after the bundle was made',
      };
  }
}

function* difference(entry: ManifestEntry, found: Found): Generator<Finding> {
  const altered = (what: string): Finding => ({ path: entry.path, kind: 'altered', message: what });
  if (entry.type !== found.type) yield altered(`was a ${entry.type} and is now a ${found.type}`);
  else if (entry.type === 'symlink' && entry.target !== found.target)
    yield altered(`pointed to ${entry.target} and now to ${found.target}`);
  else if (entry.type === 'file' && entry.sha256 !== found.sha256)
    yield altered('has other content than when the bundle was made');
  if (entry.type !== 'symlink' && Number.parseInt(entry.mode, 8) !== found.mode) {
    yield altered(`had the mode ${entry.mode} and now has ${found.mode.toString(8).padStart(4, '0')}`);
  }
  const byRoot = process.getuid?.() === 0;
  if (byRoot && (entry.uid !== found.uid || entry.gid !== found.gid)) {
    yield altered(`belonged to ${entry.uid}:${entry.gid} and now to ${found.uid}:${found.gid}`);
  }
}

/** So many names for one program make it a multi-call program, whatever it is called. */
const FARM = 3;

class Audit {
  readonly executables: Executable[] = [];
  readonly #recipe: Recipe;
  readonly #found: readonly Found[];
  readonly #entries: ReadonlyMap<string, ManifestEntry>;
  readonly #tree: Tree;
  readonly #findings: Finding[] = [];
  /** Where the recipe's names lead once links are followed. */
  readonly #admitted = new Map<string, string>();
  readonly #program: string | undefined;

  constructor(rootfs: string, recipe: Recipe, manifest: Manifest, found: readonly Found[]) {
    this.#recipe = recipe;
    this.#found = found;
    this.#entries = new Map(manifest.entries.map((entry) => [entry.path, entry]));
    this.#tree = new Tree([{ name: 'rootfs', root: rootfs }]);
    this.#program = this.#tree.locate(recipe.program[0] ?? '/')?.path;
    for (const [path, reason] of Object.entries(recipe.admit ?? {})) {
      this.#admitted.set(path, reason);
      const leadsTo = this.#tree.locate(path)?.path;
      if (leadsTo !== undefined) this.#admitted.set(leadsTo, reason);
    }
  }

  run(): readonly Finding[] {
    if (this.#program === undefined)
      this.#add(this.#recipe.program[0] ?? '', 'broken', 'the program is not in the bundle');
    const loaded = this.#loaded();
    const hosts = hostTools();
    const links = new Map<string, string[]>();
    for (const each of this.#found) {
      if (each.type === 'other')
        this.#add(each.path, 'device', 'is a device, socket or pipe, which a bundle does not carry');
      else if (each.type === 'symlink') this.#link(each, links);
      else if (each.type === 'file') this.#file(each, loaded, hosts);
      this.#setid(each);
    }
    for (const [target, names] of links) {
      if (names.length < FARM || this.#admitted.has(target)) continue;
      this.#add(
        target,
        'multi-call program',
        `answers to ${names.length} names (${names.slice(0, 4).join(', ')} ...)`,
      );
    }
    return this.#findings;
  }

  /** What the program and the admitted executables load, found anew from the files themselves. */
  #loaded(): ReadonlyMap<string, string> {
    const roots: Root[] = [];
    for (const path of new Set([this.#program, ...this.#admitted.keys()])) {
      const located = path === undefined ? undefined : this.#tree.locate(path);
      if (located?.stat.isFile() === true && (located.stat.mode & 0o111n) !== 0n)
        roots.push({ kind: 'program', name: located.path, why: 'named by the recipe' });
    }
    const named = [...(this.#recipe.libraries ?? []), ...(this.#recipe.dlopen ?? [])];
    for (const name of named) roots.push({ kind: 'library', name, why: 'named by the recipe' });
    try {
      const closure = closureOf(this.#tree, roots);
      for (const missing of closure.missing)
        this.#add(missing.name, 'broken', `is missing, needed by ${missing.neededBy}`);
      return new Map([...closure.members].map(([path, member]) => [path, member.role]));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#add(error.thing, 'broken', error.message);
      return new Map();
    }
  }

  #link(link: Found, links: Map<string, string[]>): void {
    const target = this.#tree.locate(link.path);
    if (target === undefined || !target.stat.isFile()) return;
    const content = this.#found.find((each) => each.path === target.path)?.content;
    const executable = (target.stat.mode & 0o111n) !== 0n && /\.so(\.|$)/.test(link.path) === false;
    if (content === undefined || !executable) return;
    links.set(target.path, [...(links.get(target.path) ?? []), link.path]);
    this.#list(link.path, 'link');
    const kind = toolByName(link.path);
    if (kind !== undefined && !this.#admitted.has(link.path))
      this.#add(link.path, kind, `is called like ${withArticle(kind)}; it points to ${target.path}`);
  }

  #file(file: Found, loaded: ReadonlyMap<string, string>, hosts: HostTools): void {
    const content = file.content ?? Buffer.alloc(0);
    const secret = secretIn(file.path, content.length === 0 ? undefined : content);
    if (secret !== undefined && content.length > 0) this.#add(file.path, 'secret', `is a secret: ${secret}`);

    const runnable = (file.mode & 0o111) !== 0;
    const script = content.subarray(0, 2).toString('latin1') === '#!';
    const elf = this.#elf(file.path, content);
    if (!runnable && !script && elf === undefined) return;

    const role = loaded.get(file.path);
    const form = script
      ? 'script'
      : elf === undefined
        ? 'program'
        : role === 'interpreter'
          ? 'interpreter'
          : role === 'library'
            ? 'library'
            : elf.program || runnable
              ? 'program'
              : 'library';
    this.#list(file.path, form);
    if (this.#admitted.has(file.path)) return;

    if (file.path !== this.#program && role !== 'interpreter' && role !== 'library') {
      const what = script
        ? 'is a script'
        : elf === undefined
          ? 'may be executed'
          : form === 'library'
            ? 'is loaded by nothing that the recipe names'
            : 'is a program';
      this.#add(file.path, 'not admitted', `${what}; the recipe does not admit it by name`);
    }
    if (role === 'library' && interpreterLibrary(file.path))
      this.#add(file.path, 'interpreter', 'is an interpreter in the form of a library');
    const named = form === 'library' || form === 'interpreter' ? undefined : toolByName(file.path);
    if (named !== undefined) this.#add(file.path, named, `is called like ${withArticle(named)}`);
    const inside = form === 'interpreter' ? undefined : toolByContent(content);
    if (inside !== undefined) this.#add(file.path, inside.kind, `is ${inside.what} by its content`);
    const same = hosts.match(content.length, file.sha256 ?? '');
    if (same !== undefined && form !== 'library')
      this.#add(file.path, same.kind, `has the same content as ${same.path} on this host`);
  }

  #elf(path: string, content: Buffer): ElfFile | undefined {
    const bytes = bufferBytes(content);
    if (!isElf(bytes)) return undefined;
    try {
      return parseElf(bytes);
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
      this.#add(path, 'not admitted', `is ${error.message}`);
      return undefined;
    }
  }

  #setid(each: Found): void {
    if (each.type !== 'file' || (each.mode & 0o6000) === 0) return;
    if (Object.hasOwn(this.#recipe.setid ?? {}, each.path)) return;
    this.#add(each.path, 'setuid', 'has a setuid or setgid bit that the recipe gives no reason for');
  }

  #list(path: string, form: Executable['form']): void {
    const entry = this.#entries.get(path);
    const reason = this.#admitted.get(path);
    this.executables.push({
      path,
      form,
      why: reason ?? entry?.why ?? 'nothing says why',
      from: entry?.from ?? 'unknown',
      admitted: reason !== undefined || path === this.#program,
    });
  }

  #add(path: string, kind: FindingKind, message: string): void {
    this.#findings.push({ path, kind, message });
  }
}

interface HostTools {
  match(size: number, sha256: string): { readonly path: string; readonly kind: ToolClass } | undefined;
}

const HOST_FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin'];

/** The host's own tools by size and hash, so that a renamed copy is known again. Hashed only where the size fits. */
function hostTools(): HostTools {
  const bySize = new Map<number, { path: string; kind: ToolClass }[]>();
  for (const [name, kind] of toolNames()) {
    for (const folder of HOST_FOLDERS) {
      const stat = statSync(join(folder, name), { throwIfNoEntry: false });
      if (stat?.isFile() === true)
        bySize.set(stat.size, [...(bySize.get(stat.size) ?? []), { path: join(folder, name), kind }]);
    }
  }
  return {
    match: (size, sha256) =>
      (bySize.get(size) ?? []).find(
        (each) => createHash('sha256').update(readFileSync(each.path)).digest('hex') === sha256,
      ),
  };
}

function withArticle(kind: ToolClass): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}
