import fs, { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Exchange } from '../../../src/bundle/generation.js';

/** What changes a bundle's folder, as the code under test imports it. */
const STEPS = [
  'chmodSync',
  'fsyncSync',
  'linkSync',
  'lutimesSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'symlinkSync',
  'writeFileSync',
] as const;

class Stopped extends Error {}

/** Runs it with `stop` before each step; from the one that stops it on, nothing more is done, as after a kill. */
export function watched(
  stop: (step: number) => boolean,
  work: (exchange: Exchange) => void,
  exchangeFolders: Exchange,
): number {
  const kept = new Map<string, unknown>(STEPS.map((name) => [name, fs[name]]));
  let step = 0;
  let dead = false;
  const before = (): void => {
    dead ||= stop(step++);
    if (dead) throw new Stopped('stopped');
  };
  for (const name of STEPS) {
    const real = fs[name] as (...args: unknown[]) => unknown;
    const stopping = (...args: unknown[]): unknown => {
      try {
        before();
      } catch (error) {
        // Half of a file is there when the process dies in the middle of it.
        if (name === 'writeFileSync' && step > 0 && !existsSync(String(args[0])))
          real(args[0], Buffer.from(args[1] as string).subarray(0, 7), args[2]);
        throw error;
      }
      return real(...args);
    };
    Object.assign(fs, { [name]: stopping });
  }
  syncBuiltinESMExports();
  try {
    work((one, other) => {
      before();
      exchangeFolders(one, other);
    });
  } catch (error) {
    if (!dead) throw error;
  } finally {
    Object.assign(fs, Object.fromEntries(kept));
    syncBuiltinESMExports();
  }
  return step;
}
