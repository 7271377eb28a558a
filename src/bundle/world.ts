import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EventWorld } from '../policy/index.js';
import { Tree } from './source/tree.js';
import type { BundleStore } from './store.js';

/** The files of a bundle as its program sees them, so that the evaluator can follow links and tell what exists. */
export function bundleWorld(store: BundleStore, name: string): EventWorld {
  const { path: bundle, mounts } = store.inspect(name);
  const tree = new Tree([{ name: 'rootfs', root: join(bundle, 'rootfs') }]);
  const mounted = (path: string): string | undefined => {
    const mount = mounts.find((each) => path === each.destination || path.startsWith(`${each.destination}/`));
    return mount === undefined ? undefined : mount.source + path.slice(mount.destination.length);
  };
  return {
    exists(path) {
      const source = mounted(path);
      return source === undefined ? tree.locate(path) !== undefined : existsSync(source);
    },
    // Below a mount the links are the host's, and what they lead to inside is not known here.
    resolve: (path) => (mounted(path) === undefined ? (tree.locate(path)?.path ?? path) : path),
  };
}
