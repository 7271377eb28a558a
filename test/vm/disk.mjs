// Disk images. Each has one partition, and a signature by which the kernel and systemd find it: in which order disks turn up is chance.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { command } from './command.mjs';

const sector = 512;
const start = 2048;

/** The machine's disks and their signatures; image/fstab and inside/run.sh name them too. */
export const signatures = { system: 0x76786501, modules: 0x76786502, tree: 0x76786503, out: 0x76786504 };

/** How the kernel names a disk's partition. */
export function partition(name) {
  return `PARTUUID=${signatures[name].toString(16).padStart(8, '0')}-01`;
}

/** Makes the file, as large as it has to be, with the partition table in it; all else is a hole. */
export function blankDisk(name, file, mebibytes) {
  const table = Buffer.alloc(sector);
  table.writeUInt32LE(signatures[name], 440);
  const entry = 446;
  table.writeUInt8(0x83, entry + 4);
  table.writeUInt32LE(start, entry + 8);
  table.writeUInt32LE(mebibytes * 2048, entry + 12);
  table.writeUInt16LE(0xaa55, 510);
  const fd = openSync(file, 'w');
  try {
    writeSync(fd, table, 0, sector, 0);
    ftruncateSync(fd, start * sector + mebibytes * 1024 * 1024);
  } finally {
    closeSync(fd);
  }
}

/** A disk with a folder's content, owned as it is there. No journal: every run starts from the same state. */
export async function diskOf(name, folder, file, mebibytes) {
  blankDisk(name, file, mebibytes);
  const options = [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-O',
    '^has_journal',
    '-m',
    '0',
    '-E',
    `offset=${start * sector}`,
  ];
  await command(['mke2fs', ...options, '-d', folder, file, `${mebibytes}M`]);
}

/** Where the partition begins in the file, in bytes. */
export const partitionOffset = start * sector;
