import type { PlacedFile } from '../../policy/index.js';

export interface Place {
  readonly root: string;
  readonly folder: string;
}

/** What the diagnosis asks about an instance; nothing is changed by asking. */
export interface Facts {
  /** Undefined: it cannot be looked at. */
  path(path: string): PlacedFile | undefined;
  /** The users that processes of the instance run as. */
  readonly users: readonly { readonly uid: number; readonly gids: readonly number[] }[];
  /** From where its processes see paths: a root that one has chrooted to, and its working folder, both in the instance. None: from `/`. */
  readonly places?: readonly Place[];
}
