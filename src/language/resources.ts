import { parseInteger } from '../common/index.js';
import type { Resource, ResourceRule } from '../policy/index.js';
import { RESOURCES } from '../policy/index.js';

const UNITS = ' KMGT';

/** What each resource is written as, for messages. */
const EXAMPLES: Readonly<Record<Resource, string>> = {
  memory: 'a size, such as 512M',
  swap: 'a size, such as 0',
  pids: 'a number of processes from 1, such as 64',
  cpu: 'a part of one processor, such as 50% or 150%',
  io: 'a weight from 1 to 10000, 100 being usual',
};

export function resourceNamed(word: string): Resource | undefined {
  return RESOURCES.find((resource) => resource === word);
}

/** The value of a resource; otherwise what was expected. */
export function readResource(resource: Resource, text: string): bigint | string {
  const value = resource === 'cpu' ? readShare(text) : readAmount(resource, text);
  const wrong = `${text} is not ${resource === 'io' ? 'a weight' : `an amount of ${resource}`}: write ${EXAMPLES[resource]}`;
  if (value === undefined) return wrong;
  const [least, most] = bounds(resource);
  return least <= value && value <= most ? value : wrong;
}

function bounds(resource: Resource): readonly [bigint, bigint] {
  const largest = (1n << 63n) - 1n;
  switch (resource) {
    case 'swap':
      return [0n, largest];
    case 'io':
      return [1n, 10000n];
    case 'cpu':
      // The kernel takes no quota below a thousandth of a second in each period.
      return [10n, 1_000_000n];
    default:
      return [1n, largest];
  }
}

function readShare(text: string): bigint | undefined {
  const [, whole, tenth = '0'] = /^([0-9]{1,7})(?:\.([0-9]))?%$/.exec(text) ?? [];
  return whole === undefined ? undefined : BigInt(whole) * 10n + BigInt(tenth);
}

function readAmount(resource: Resource, text: string): bigint | undefined {
  const sized = resource === 'memory' || resource === 'swap';
  const [, digits = '', unit = ''] = (sized ? /^([0-9]+)([KMGT]?)$/ : /^([0-9]+)$/).exec(text) ?? [];
  const number = parseInteger(digits);
  return number === undefined ? undefined : number << BigInt(10 * UNITS.indexOf(unit === '' ? ' ' : unit));
}

/** The value as it is written, in the largest unit that is exact. */
export function resourceText({ resource, value }: Pick<ResourceRule, 'resource' | 'value'>): string {
  if (resource === 'cpu') return `${value / 10n}${value % 10n === 0n ? '' : `.${value % 10n}`}%`;
  if (resource !== 'memory' && resource !== 'swap') return value.toString();
  for (let unit = UNITS.length - 1; unit > 0; unit--) {
    const size = 1n << BigInt(10 * unit);
    if (value > 0n && value % size === 0n) return `${value / size}${UNITS[unit] ?? ''}`;
  }
  return value.toString();
}
