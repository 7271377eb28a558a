import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from '../bundle/index.js';

/** What an instance's log folder has: what was refused, and what was told after calls. Each is rotated once. */
const LOGS = { violations: 'violations.ndjson', after: 'after.ndjson' } as const;
type LogName = keyof typeof LOGS;

/** The text of an instance's log, what was rotated away first; `absent` is what stands for none, instead of an error. */
export function recordText(log: LogName, logs: string, id: string, absent?: string): string {
  const folder = join(logs, id);
  if (!existsSync(folder)) {
    if (absent !== undefined) return absent;
    throw new Failure('log-missing', id, `there is no log of this instance in ${logs}`, {
      hint: "instances that have run: 'vxe status'",
    });
  }
  return [`${LOGS[log]}.1`, LOGS[log]].map((name) => readIfThere(join(folder, name))).join('');
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    if (errnoOf(error) === 'EACCES')
      throw new Failure('log-unreadable', file, 'may not be read by you', {
        hint: 'ask as its owner, or as root',
      });
    throw error;
  }
}

/** Calls `line` with each line that is written from now on, until the signal; follows the log when it is rotated. */
export async function followRecords(
  log: LogName,
  logs: string,
  id: string,
  line: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const file = join(logs, id, LOGS[log]);
  let offset = existsSync(file) ? statSync(file).size : 0;
  let rest = '';
  const more = (): void => {
    if (!existsSync(file)) return;
    const { size } = statSync(file);
    if (size < offset) {
      offset = 0;
      rest = '';
    }
    const fd = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(size - offset);
      offset += readSync(fd, buffer, 0, buffer.length, offset);
      const lines = (rest + buffer.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const each of lines) if (each !== '') line(each);
    } finally {
      closeSync(fd);
    }
  };
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(join(logs, id), { signal }, more);
    watcher.on('error', reject).on('close', resolve);
    // What is written while the watching begins is seen at the next look.
    more();
  });
}
