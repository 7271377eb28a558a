import { type Exchange, replacePlan } from '../../../src/bundle/generation.js';

/** Puts made-up plans into a bundle, by the steps by which real ones come there. */
export function replaceMadeUp(bundle: string, exchange: Exchange): void {
  const parts = new Map([
    ['config.json', '{}'],
    ['vxe/judge.json', `{"of":${process.pid}}`],
  ]);
  replacePlan(bundle, parts, { manifest: 1, name: 'changing', entries: [], plan: {} }, exchange);
}
