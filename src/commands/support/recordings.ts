import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Places } from '../../bundle/index.js';
import { unwrap } from '../../common/index.js';
import { type ReadOptions, type Recording, readRecording } from '../../learning/index.js';

/** The files of all recordings that are kept under a name, the oldest first. */
export function recordingsOf(name: string, places: Places): readonly string[] {
  const folder = join(places.recordings, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ndjson'))
    .sort()
    .map((file) => join(folder, file));
}

export async function loadRecording(file: string, options: ReadOptions): Promise<Recording> {
  const lines = createInterface({ input: createReadStream(file) });
  return unwrap(await readRecording(file, lines, options));
}
