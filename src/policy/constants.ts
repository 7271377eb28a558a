import type { Result } from '../common/index.js';
import { failure, nearestName, parseInteger, success } from '../common/index.js';
import { constantTable } from './data/constants.js';
import { errnoTable } from './data/errnos.js';

const CONSTANTS: ReadonlyMap<string, bigint> = new Map([...constantTable(), ['NULL', 0n]]);
const ERRNOS: ReadonlyMap<string, number> = errnoTable();

/** A constant's value by the kernel's name. */
export function constantValue(name: string): bigint | undefined {
  return CONSTANTS.get(name);
}

/** An error number by its name. */
export function errnoNumber(name: string): number | undefined {
  return ERRNOS.get(name);
}

/** All names of error numbers. */
export function errnoNames(): Iterable<string> {
  return ERRNOS.keys();
}

/** Every constant that the tables hold. */
export function allConstants(): ReadonlyMap<string, bigint> {
  return CONSTANTS;
}

/** Reads an integer, a constant's name, or several joined by `|`. */
export function parseConstants(text: string): Result<bigint> {
  let value = 0n;
  for (const part of text.split('|').map((piece) => piece.trim())) {
    const number = parseInteger(part) ?? CONSTANTS.get(part);
    if (number === undefined) {
      const near = nearestName(part, CONSTANTS.keys());
      return failure({
        code: 'unknown-constant',
        message:
          part === '' ? 'a value is missing' : `${part} is neither a number nor a constant of the kernel`,
        hint:
          near === undefined ? 'write the name as the kernel has it, or the number' : `did you mean ${near}?`,
      });
    }
    value |= number;
  }
  return success(value);
}
