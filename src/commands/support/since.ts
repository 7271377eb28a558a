import { Failure } from '../../bundle/index.js';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `10m`, `2h`, `3d`, or a date: as the records write times, so that texts compare as times do. */
export function sinceTime(text: string, now = Date.now()): string {
  const [, count, unit = ''] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const time = count === undefined ? Date.parse(text) : now - Number(count) * (UNITS[unit] ?? 0) * 1000;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new Failure('bad-time', text, 'is no time', {
    hint: 'write 10m, 2h, 3d or a date such as 2026-01-31T12:00Z',
    exit: 2,
  });
}
