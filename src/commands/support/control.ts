import { lstatSync } from 'node:fs';
import { BundleStore, Failure, type Places } from '../../bundle/index.js';

/**
 * What a confined program is held to is looked at and changed by its owner, from outside. The kernel refuses everybody else, by more than one
 * mechanism; this says so in words before it is tried.
 */
export function refuseInside(name: string): void {
  const instance = process.env.VXE_INSTANCE;
  if (instance === undefined) return;
  throw new Failure(
    'inside',
    name,
    `this is inside the instance ${instance}, and instances are controlled from outside`,
    { hint: 'use a shell of the host' },
  );
}

/** The folder of a bundle that is the caller's to control. */
export function controlled(name: string, places: Places): string {
  refuseInside(name);
  const bundle = new BundleStore(places.bundles).require(name);
  const [caller, owner] = [process.getuid?.() ?? 0, lstatSync(bundle).uid];
  if (caller === 0 || caller === owner) return bundle;
  throw new Failure('not-yours', name, `the bundle belongs to user ${owner}, not to you`, {
    hint: 'ask as its owner, or as root',
  });
}

/** The same where a name may be an instance's that has no bundle: undefined then. */
export function controlledIfThere(name: string, places: Places): string | undefined {
  refuseInside(name);
  return new BundleStore(places.bundles).exists(name) ? controlled(name, places) : undefined;
}
