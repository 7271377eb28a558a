export type EntryKind = 'file' | 'directory' | 'symlink' | 'device';

export interface WorldEntry {
  /** Absolute within the rootfs, normal; parents are listed too. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Where a symbolic link points, as it is written in the link. */
  readonly target?: string;
}

/** The file tree that a policy is lowered for. */
export interface FileWorld {
  readonly entries: readonly WorldEntry[];
  /**
   * Mount destinations whose content is not known when the bundle is made (`/proc`, `/var/mail`, a bound `/etc/shadow`).
   * One that is not in `entries` counts as a directory.
   */
  readonly open: readonly string[];
}

/** Lists the host's own folders, for profiles that run over the host's tree. */
export interface HostLister {
  /** The kind of what is at the path, not following a final link; undefined if nothing is. */
  kind(path: string): EntryKind | undefined;
  /** Where a link points, as written; only asked for links. */
  link(path: string): string;
  /** The names in a folder. */
  list(path: string): readonly string[];
}
