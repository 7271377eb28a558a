import { createWriteStream, linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Headers } from 'tar-stream';
import { Failure } from '../failure.js';

/** A mode or owner that is remembered beside the tree and not given to the file on this host's disk. */
export interface Special {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const MAX_ENTRIES = 300_000;
const MAX_BYTES = 4 * 1024 ** 3;
const MERGED = new Set(['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']);

/**
 * Unpacks a package's file archive below `root`. Nothing can land outside: names are normal, no entry is written through
 * a link, links do not climb above the root, and devices, sockets and pipes are refused. setuid bits, setgid bits and owners are
 * not put on disk. `/bin`, `/lib` and their like become `/usr/bin`, `/usr/lib`, as on every Debian since 12.
 */
export async function unpackTar(
  archive: Readable,
  root: string,
  label: string,
): Promise<Map<string, Special>> {
  const special = new Map<string, Special>();
  const kinds = new Map<string, 'directory' | 'file' | 'symlink'>([['', 'directory']]);
  let bytes = 0;
  const refuse = (name: string, why: string): Failure =>
    new Failure('archive-unsafe', label, `holds ${JSON.stringify(name)}, ${why}`, {
      hint: 'do not use this package',
    });

  const folder = (path: string): void => {
    if (kinds.get(path) === 'directory') return;
    if (kinds.has(path)) throw refuse(path, 'which is used as a folder and is none');
    folder(parentOf(path));
    mkdirSync(join(root, path), { mode: 0o755 });
    kinds.set(path, 'directory');
  };

  const entry = async (header: Headers, body: Readable): Promise<void> => {
    const path = safePath(header.name);
    if (path === undefined) throw refuse(header.name, 'a path that leaves the package');
    if (kinds.size > MAX_ENTRIES) throw new Failure('archive-unsafe', label, 'holds too many files');
    bytes += header.size ?? 0;
    if (bytes > MAX_BYTES)
      throw new Failure('archive-unsafe', label, 'unpacks to more than any package should');
    const mode = (header.mode ?? 0o644) & 0o7777;
    if (path !== '') folder(header.type === 'directory' ? path : parentOf(path));
    if (header.type !== 'directory' && kinds.has(path)) throw refuse(header.name, 'which it holds twice');
    if ((mode & 0o7000) !== 0 || header.uid !== 0 || header.gid !== 0) {
      special.set(`/${path}`, { mode, uid: header.uid ?? 0, gid: header.gid ?? 0 });
    }
    switch (header.type) {
      case 'directory':
        return;
      case 'file':
      case 'contiguous-file':
        await pipeline(
          body,
          createWriteStream(join(root, path), { mode: (mode & 0o111) === 0 ? 0o644 : 0o755, flags: 'wx' }),
        );
        kinds.set(path, 'file');
        return;
      case 'symlink': {
        const target = header.linkname ?? '';
        if (!staysInside(path, target))
          throw refuse(header.name, `a link to ${JSON.stringify(target)}, outside the package`);
        symlinkSync(target, join(root, path));
        kinds.set(path, 'symlink');
        return;
      }
      case 'link': {
        const target = safePath(header.linkname ?? '');
        if (target === undefined || kinds.get(target) !== 'file')
          throw refuse(
            header.name,
            `a hard link to ${JSON.stringify(header.linkname)}, which is no file of the package`,
          );
        linkSync(join(root, target), join(root, path));
        kinds.set(path, 'file');
        return;
      }
      default:
        throw refuse(header.name, `a ${header.type ?? 'thing of unknown kind'}, which packages do not carry`);
    }
  };

  const tar = extract();
  const reading = (async () => {
    for await (const part of tar) {
      await entry(part.header, part);
      part.resume();
    }
  })();
  await Promise.all([pipeline(archive, tar), reading]);
  for (const name of MERGED) {
    if (kinds.get(`usr/${name}`) === 'directory') symlinkSync(`usr/${name}`, join(root, name));
  }
  return special;
}

/** The path below the root with no dot segment, merged into /usr; undefined for one that would leave it. */
function safePath(name: string): string | undefined {
  if (name.includes('\0') || name.startsWith('/') || name.length > 4096) return undefined;
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return undefined;
  if (MERGED.has(parts[0] ?? '')) parts.unshift('usr');
  return parts.join('/');
}

function staysInside(path: string, target: string): boolean {
  if (target === '' || target.includes('\0') || target.length > 4096) return false;
  if (target.startsWith('/')) return !posix.normalize(target).startsWith('/..');
  let depth = path.split('/').length - 1;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

function parentOf(path: string): string {
  const parent = posix.dirname(path);
  return parent === '.' ? '' : parent;
}
