import type { PlacedFile } from '../../policy/index.js';

/** What the diagnosis asks about an instance; nothing is changed by asking. */
export interface Facts {
  /** Undefined: it cannot be looked at. */
  path(path: string): PlacedFile | undefined;
  /** The users that processes of the instance run as. */
  readonly users: readonly { readonly uid: number; readonly gids: readonly number[] }[];
}
