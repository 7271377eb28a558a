import { posix } from 'node:path';
import {
  ElfError,
  type ElfFile,
  isElf,
  type Machine,
  openBytes,
  parseElf,
  type RandomBytes,
} from '../elf/index.js';
import { Failure } from '../failure.js';
import type { LinkStep, Located, Tree } from '../source/tree.js';
import { type SearchPath, searchPathOf } from './search.js';

/** What is asked to be in: a program that is started, or an object that is only dlopen'd. */
export interface Root {
  /** What is admitted is a program if it can be executed, and else a library. */
  readonly kind: 'program' | 'library' | 'admitted';
  /** An absolute path; of a library also a name that the loader's folders are searched for. */
  readonly name: string;
  readonly why: string;
}

/** One file that the loader, or the kernel at exec, will open. */
export interface Member {
  readonly located: Located;
  readonly role: 'program' | 'interpreter' | 'library';
  readonly why: string;
}

export interface Missing {
  readonly name: string;
  readonly neededBy: string;
}

export interface Closure {
  readonly machine: Machine | undefined;
  /** By path in the tree. */
  readonly members: ReadonlyMap<string, Member>;
  readonly links: ReadonlyMap<string, LinkStep & { readonly why: string }>;
  /** Names that must be found in the loader's own folders, for objects that only ld.so.conf led to. */
  readonly aliases: ReadonlyMap<string, { readonly target: string; readonly why: string }>;
  readonly missing: readonly Missing[];
}

interface Loaded {
  readonly path: string;
  readonly elf: ElfFile;
  /** The RPATH folders of the objects that led here, nearest first. */
  readonly inherited: readonly string[];
}

/** Everything that starting the roots opens: interpreters, and DT_NEEDED to the end. Nothing is executed to find out. */
export function closureOf(tree: Tree, roots: readonly Root[]): Closure {
  return new Walk(tree).run(roots);
}

class Walk {
  readonly #tree: Tree;
  readonly #members = new Map<string, Member>();
  readonly #links = new Map<string, LinkStep & { why: string }>();
  readonly #aliases = new Map<string, { target: string; why: string }>();
  readonly #missing: Missing[] = [];
  readonly #provided = new Map<string, string>();
  readonly #queue: Loaded[] = [];
  #machine: Machine | undefined;
  #search: SearchPath | undefined;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  run(roots: readonly Root[]): Closure {
    const isLibrary = (root: Root): boolean =>
      root.kind === 'library' || (root.kind === 'admitted' && this.#cannotBeExecuted(root.name));
    for (const root of roots.filter((each) => !isLibrary(each))) this.#addProgram(root);
    for (const root of roots.filter(isLibrary)) this.#addNamed(root);
    return {
      machine: this.#machine,
      members: this.#members,
      links: this.#links,
      aliases: this.#aliases,
      missing: this.#missing,
    };
  }

  #cannotBeExecuted(name: string): boolean {
    const located = this.#tree.locate(name);
    return located?.stat.isFile() === true && (located.stat.mode & 0o111n) === 0n;
  }

  #addProgram(root: Root): void {
    const located = this.#tree.locate(root.name);
    if (located === undefined) {
      throw new Failure('program-missing', root.name, 'there is no such program', {
        hint: 'install it, name its Debian package, or correct the path',
      });
    }
    if (!located.stat.isFile())
      throw new Failure('program-not-a-file', root.name, 'is not a file that can be executed');
    if ((located.stat.mode & 0o111n) === 0n)
      throw new Failure('program-not-executable', root.name, 'is not executable');
    this.#keepLinks(located, root.why);
    const script = interpreterOfScript(located);
    if (script !== undefined) {
      this.#members.set(located.path, { located, role: 'program', why: root.why });
      this.#addProgram({ kind: 'program', name: script, why: `runs the script ${located.path}` });
      return;
    }
    const elf = readElf(located);
    this.#claimMachine(elf, located.path);
    this.#members.set(located.path, { located, role: 'program', why: root.why });
    this.#addInterpreter(elf, located.path);
    this.#search ??= searchPathOf(this.#tree, elf.machine, elf.interpreter);
    this.#queue.push({ path: located.path, elf, inherited: [] });
    this.#drain();
  }

  #addInterpreter(elf: ElfFile, of: string): void {
    if (elf.interpreter === undefined) return;
    const located = this.#tree.locate(elf.interpreter);
    if (located === undefined || !located.stat.isFile()) {
      this.#missing.push({ name: elf.interpreter, neededBy: of });
      return;
    }
    const why = `the ELF interpreter of ${of}`;
    this.#keepLinks(located, why);
    if (this.#members.has(located.path)) return;
    const loader = readElf(located);
    this.#claimMachine(loader, located.path);
    this.#members.set(located.path, { located, role: 'interpreter', why });
    // libc names the loader in DT_NEEDED; it is loaded already and is not searched for.
    this.#provided.set(loader.soname ?? posix.basename(located.path), located.path);
    this.#provided.set(posix.basename(elf.interpreter), located.path);
  }

  #addNamed(root: Root): void {
    const search = this.#search;
    const machine = this.#machine;
    if (search === undefined || machine === undefined) return;
    const folders = root.name.startsWith('/') ? [''] : [...search.builtin, ...search.configured];
    for (const folder of folders) {
      const path = folder === '' ? root.name : `${folder}/${root.name}`;
      const object = this.#objectAt(path);
      if (object === undefined) continue;
      this.#addObject(object, path, root.why, []);
      if (search.configured.includes(folder)) this.#alias(root.name, object.located.path, root.why);
      this.#drain();
      return;
    }
    this.#missing.push({ name: root.name, neededBy: 'the recipe' });
  }

  #drain(): void {
    for (let object = this.#queue.shift(); object !== undefined; object = this.#queue.shift()) {
      for (const name of object.elf.needed) this.#addNeeded(name, object);
    }
  }

  #addNeeded(name: string, by: Loaded): void {
    const search = this.#search;
    if (search === undefined) return;
    if (name === '')
      throw new Failure('elf-broken', by.path, 'needs a library without a name; the file is broken');
    const why = `needed by ${by.path}`;
    const expanded = expandTokens(name, by.path, search);
    const own = by.elf.rpath.map((folder) => expandTokens(folder, by.path, search));
    // RUNPATH, where there is one, turns RPATH off for the object that carries it (ld.so(8)).
    const rpath = by.elf.runpath.length > 0 ? [] : [...own, ...by.inherited];
    if (expanded.includes('/')) {
      const object = this.#objectAt(expanded.startsWith('/') ? expanded : `/${expanded}`);
      if (object === undefined) this.#missing.push({ name: expanded, neededBy: by.path });
      else this.#addObject(object, expanded, why, rpath);
      return;
    }
    if (this.#provided.has(expanded)) return;
    const runpath = by.elf.runpath.map((folder) => expandTokens(folder, by.path, search));
    for (const folder of [...rpath, ...runpath, ...search.builtin, ...search.configured]) {
      if (!folder.startsWith('/')) continue;
      const path = `${folder.replace(/\/+$/, '')}/${expanded}`;
      const object = this.#objectAt(path);
      if (object === undefined) continue;
      this.#provided.set(expanded, object.located.path);
      this.#addObject(object, path, why, rpath);
      const byCacheAlone =
        search.configured.includes(folder) && !rpath.includes(folder) && !runpath.includes(folder);
      if (byCacheAlone) this.#alias(expanded, object.located.path, why);
      return;
    }
    this.#provided.set(expanded, '');
    this.#missing.push({ name: expanded, neededBy: by.path });
  }

  #addObject(
    object: { located: Located; elf: ElfFile },
    asked: string,
    why: string,
    inherited: readonly string[],
  ): void {
    const { located, elf } = object;
    this.#keepLinks(located, why);
    this.#provided.set(posix.basename(asked), located.path);
    if (elf.soname !== undefined) this.#provided.set(elf.soname, located.path);
    if (this.#members.has(located.path)) return;
    this.#members.set(located.path, { located, role: 'library', why });
    this.#queue.push({ path: located.path, elf, inherited });
  }

  /** The object at a path, when it is one for this machine; the loader too passes over the others. */
  #objectAt(path: string): { located: Located; elf: ElfFile } | undefined {
    const located = this.#tree.locate(path);
    if (located === undefined || !located.stat.isFile()) return undefined;
    const bytes = openBytes(located.real);
    try {
      if (!isElf(bytes)) return undefined;
      const elf = parse(bytes, located.path);
      return elf !== undefined && elf.machine === this.#machine ? { located, elf } : undefined;
    } finally {
      bytes.close();
    }
  }

  #alias(name: string, target: string, why: string): void {
    const folder = this.#search?.builtin[1];
    if (folder !== undefined)
      this.#aliases.set(`${folder}/${name}`, { target, why: `${why}, which ld.so.conf led to` });
  }

  #keepLinks(located: Located, why: string): void {
    for (const link of located.links)
      if (!this.#links.has(link.path)) this.#links.set(link.path, { ...link, why });
  }

  #claimMachine(elf: ElfFile, path: string): void {
    if (this.#machine !== undefined && this.#machine !== elf.machine) {
      throw new Failure(
        'machine-mixed',
        path,
        `is for ${elf.machine}, the program before it for ${this.#machine}`,
      );
    }
    this.#machine = elf.machine;
  }
}

function parse(bytes: RandomBytes, path: string): ElfFile | undefined {
  try {
    return parseElf(bytes);
  } catch (error) {
    // A library for another class of machine is passed over; a broken one is an error where it is the only one.
    if (error instanceof ElfError && /32-bit|big-endian|unsupported machine/.test(error.message))
      return undefined;
    if (error instanceof ElfError) throw brokenElf(path, error);
    throw error;
  }
}

function readElf(located: Located): ElfFile {
  const bytes = openBytes(located.real);
  try {
    return parseElf(bytes);
  } catch (error) {
    if (error instanceof ElfError) throw brokenElf(located.path, error);
    throw error;
  } finally {
    bytes.close();
  }
}

function brokenElf(path: string, error: ElfError): Failure {
  return new Failure('elf-broken', path, `is ${error.message}`, {
    hint: 'reinstall the package that it comes from, or name another program',
  });
}

function interpreterOfScript(located: Located): string | undefined {
  const bytes = openBytes(located.real);
  try {
    const line = bytes.read(0, 256).toString('latin1').split('\n')[0] ?? '';
    const match = /^#!\s*(\/[^\s]+)/.exec(line);
    return match?.[1];
  } finally {
    bytes.close();
  }
}

function expandTokens(text: string, of: string, search: SearchPath): string {
  const expanded = text.replace(
    /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM))/g,
    (_, braced, bare) => {
      const token = braced ?? bare;
      if (token === 'ORIGIN') return posix.dirname(of);
      return token === 'LIB' ? search.lib : search.platform;
    },
  );
  return expanded.startsWith('/') ? posix.normalize(expanded) : expanded;
}
