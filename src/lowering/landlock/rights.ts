import type { Access } from '../../policy/index.js';

/** The rights behind an access word; those of a folder that a single file cannot have are in `folder`. */
export interface AccessRights {
  readonly file: readonly string[];
  readonly folder: readonly string[];
}

export const ACCESS_RIGHTS: Readonly<Record<Access, AccessRights>> = {
  read: { file: ['read_file'], folder: ['read_dir'] },
  write: { file: ['write_file', 'truncate', 'resolve_unix'], folder: [] },
  // Device nodes are made by nobody inside: make_char and make_block are handled and never granted.
  create: { file: [], folder: ['make_reg', 'make_dir', 'make_sym', 'make_sock', 'make_fifo'] },
  remove: { file: [], folder: ['remove_file', 'remove_dir'] },
  execute: { file: ['execute'], folder: [] },
  ioctl: { file: ['ioctl_dev'], folder: [] },
};

const FILE_RIGHTS: ReadonlySet<string> = new Set(
  Object.values(ACCESS_RIGHTS).flatMap((rights) => rights.file),
);

/** Whether the right has a meaning for something that is not a folder. */
export function isFileRight(right: string): boolean {
  return FILE_RIGHTS.has(right);
}

/** The rights that a rule's words stand for; moving across folders needs the right to make and to remove. */
export function rightsFor(access: ReadonlySet<Access>, kind: 'file' | 'folder'): ReadonlySet<string> {
  const rights = new Set<string>();
  for (const word of access) {
    for (const right of ACCESS_RIGHTS[word].file) rights.add(right);
    if (kind === 'folder') for (const right of ACCESS_RIGHTS[word].folder) rights.add(right);
  }
  if (kind === 'folder' && access.has('create') && access.has('remove')) rights.add('refer');
  return rights;
}
