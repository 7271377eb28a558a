import { existsSync } from 'node:fs';
import {
  BundleStore,
  Failure,
  loadProfiles,
  type NamedProfile,
  type Places,
  readProfile,
} from '../../bundle/index.js';

/** The folder of the bundle that a word names; what has a slash in it is the file of a profile, and no bundle. */
export function bundleNamed(name: string, places: Places): string | undefined {
  const store = new BundleStore(places.bundles);
  return !isPath(name) && store.exists(name) ? store.require(name) : undefined;
}

/** The profile of a name, those of a stack, or the one in a file. */
export function profilesNamed(name: string, places: Places): readonly NamedProfile[] {
  if (!isPath(name)) return loadProfiles(name, places);
  if (!existsSync(name))
    throw new Failure('profile-missing', name, 'there is no such file', {
      hint: 'name a bundle, a profile or the file of a profile',
    });
  return [{ ...readProfile(name), path: name }];
}

function isPath(name: string): boolean {
  return name.includes('/');
}
