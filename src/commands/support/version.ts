import { Failure } from '../../bundle/index.js';

export function versionNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure('bad-version', text, 'is no version', { hint: "see 'vxe profile log NAME'", exit: 2 });
}
