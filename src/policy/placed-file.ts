/** What is at a path of an instance, links followed. */
export interface PlacedFile {
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
