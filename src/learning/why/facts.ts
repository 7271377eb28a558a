/** What is at a path of the instance, links followed. */
export interface PathFacts {
  readonly path: string;
  readonly exists: boolean;
  readonly folder: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The mount that it is in: `/` for the root file system. */
  readonly mount: string;
  readonly readonly: boolean;
  readonly noexec: boolean;
  /** The profile has it masked or read-only by a mount of its own. */
  readonly held: 'masked' | 'readonly' | undefined;
}

/** What the diagnosis asks about an instance; nothing is changed by asking. */
export interface Facts {
  /** Undefined: it cannot be looked at. */
  path(path: string): PathFacts | undefined;
  /** The users that processes of the instance run as. */
  readonly users: readonly { readonly uid: number; readonly gids: readonly number[] }[];
}
