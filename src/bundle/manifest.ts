import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, type JsonValue } from '../common/index.js';
import { errnoOf, Failure } from './failure.js';

export interface ManifestEntry {
  readonly path: string;
  readonly type: 'directory' | 'file' | 'symlink';
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly role: string;
  readonly from: string;
  readonly why: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
}

/** vxe/manifest.json: what is in the bundle, why, and what it must hash to. */
export interface Manifest {
  readonly manifest: 1;
  readonly name: string;
  readonly entries: readonly ManifestEntry[];
  /** The bundle's other files, by their path in the bundle, with their SHA-256. */
  readonly plan: Readonly<Record<string, string>>;
}

export function manifestText(manifest: Manifest): string {
  return canonicalJson(manifest as unknown as JsonValue);
}

/** One hash for a whole bundle: the manifest holds the hash of every file. */
export function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

export function readManifest(bundle: string): { readonly manifest: Manifest; readonly digest: string } {
  const file = join(bundle, 'vxe/manifest.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new Failure('bundle-broken', bundle, 'has no vxe/manifest.json', {
        hint: 'create it again with --replace',
      });
    throw error;
  }
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    throw new Failure('bundle-broken', file, 'is not JSON', {
      hint: 'create the bundle again with --replace',
    });
  }
  if (manifest.manifest !== 1 || !Array.isArray(manifest.entries) || typeof manifest.plan !== 'object') {
    throw new Failure('bundle-broken', file, 'is not a manifest of version 1', {
      hint: 'create the bundle again with --replace',
    });
  }
  return { manifest, digest: digestOf(text) };
}
