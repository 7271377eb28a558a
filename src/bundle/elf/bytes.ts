import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A file read at chosen places: the parser never needs more than its headers, however large the file is. */
export interface RandomBytes {
  readonly size: number;
  /** The bytes at `offset`; fewer than asked for only at the end of the file. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

export function bufferBytes(buffer: Buffer): RandomBytes {
  return {
    size: buffer.length,
    read: (offset, length) => buffer.subarray(offset, Math.min(buffer.length, offset + length)),
    close: () => {},
  };
}

export function openBytes(path: string): RandomBytes {
  const fd = openSync(path, 'r');
  const size = fstatSync(fd).size;
  return {
    size,
    read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset));
      const buffer = Buffer.alloc(wanted);
      let done = 0;
      while (done < wanted) {
        const got = readSync(fd, buffer, done, wanted - done, offset + done);
        if (got === 0) break;
        done += got;
      }
      return buffer.subarray(0, done);
    },
    close: () => closeSync(fd),
  };
}
