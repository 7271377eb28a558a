import { spawn } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { type Workshop, workshop } from '../bundle/helpers/creation.js';

export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Shop extends Workshop {
  readonly env: Record<string, string>;
}

/** The folders of a workshop as the environment that the command line reads. */
export function shopFor(t: ExecutionContext): Shop {
  const shop = workshop(t);
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: shop.folder,
    VXE_BUNDLES: shop.bundles,
    VXE_COMPILED: `${shop.folder}/compiled`,
    VXE_PROFILES: `${shop.folder}/profiles`,
    VXE_RECIPES: `${shop.folder}/recipes`,
    VXE_ROOT: `${shop.folder}/run`,
    VXE_CACHE: `${shop.folder}/cache`,
  };
  return { ...shop, env };
}

/** Runs the authoring program as a user does; `onStart` may do something to it. */
export function vxe(
  shop: Shop,
  args: readonly string[],
  onStart?: (
    kill: (signal: NodeJS.Signals) => void,
    stderr: NodeJS.ReadableStream,
    stdout: NodeJS.ReadableStream,
  ) => void,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['bin/vxe-author.js', ...args], {
      env: shop.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (part: Buffer) => {
      stdout += part.toString();
    });
    child.stderr.on('data', (part: Buffer) => {
      stderr += part.toString();
    });
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
    onStart?.((signal) => child.kill(signal), child.stderr, child.stdout);
  });
}
