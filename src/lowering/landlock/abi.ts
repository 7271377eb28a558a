/** What one version of Landlock added. */
export interface AbiRow {
  readonly abi: number;
  /** The first kernel that has it. */
  readonly kernel: string;
  readonly fs: readonly string[];
  readonly net: readonly string[];
  readonly scoped: readonly string[];
  readonly note: string;
}

/** Every version known here; a newer kernel is used as the last row. Names are the kernel's, in the order of their bits. */
export const ABI_TABLE: readonly AbiRow[] = [
  {
    abi: 1,
    kernel: '5.13',
    fs: [
      'execute',
      'write_file',
      'read_file',
      'read_dir',
      'remove_dir',
      'remove_file',
      'make_char',
      'make_dir',
      'make_reg',
      'make_sock',
      'make_fifo',
      'make_block',
      'make_sym',
    ],
    net: [],
    scoped: [],
    note: 'files',
  },
  { abi: 2, kernel: '5.19', fs: ['refer'], net: [], scoped: [], note: 'renames and links across folders' },
  { abi: 3, kernel: '6.2', fs: ['truncate'], net: [], scoped: [], note: 'truncation' },
  { abi: 4, kernel: '6.7', fs: [], net: ['bind_tcp', 'connect_tcp'], scoped: [], note: 'TCP ports' },
  { abi: 5, kernel: '6.10', fs: ['ioctl_dev'], net: [], scoped: [], note: 'ioctl on devices' },
  {
    abi: 6,
    kernel: '6.12',
    fs: [],
    net: [],
    scoped: ['abstract_unix_socket', 'signal'],
    note: 'abstract unix sockets and signals',
  },
  { abi: 7, kernel: '6.15', fs: [], net: [], scoped: [], note: 'flags for the audit log' },
  { abi: 8, kernel: '7.0', fs: [], net: [], scoped: [], note: 'restriction of all threads at once' },
  { abi: 9, kernel: '7.1', fs: ['resolve_unix'], net: [], scoped: [], note: 'unix sockets by path' },
  {
    abi: 10,
    kernel: '7.2',
    fs: [],
    net: ['bind_udp', 'connect_send_udp'],
    scoped: [],
    note: 'UDP; quiet rules',
  },
  // 7.3 raised the number; no access right is known to have come with it.
  { abi: 11, kernel: '7.3', fs: [], net: [], scoped: [], note: 'no new access right' },
];

/** All that a kernel of this ABI handles. */
export interface HandledRights {
  readonly fs: readonly string[];
  readonly net: readonly string[];
  readonly scoped: readonly string[];
}

export function rightsOf(abi: number): HandledRights {
  const rows = ABI_TABLE.filter((row) => row.abi <= abi);
  return {
    fs: rows.flatMap((row) => row.fs),
    net: rows.flatMap((row) => row.net),
    scoped: rows.flatMap((row) => row.scoped),
  };
}

/** The row that brought a right. */
export function rowOfRight(right: string): AbiRow {
  const row = ABI_TABLE.find((candidate) =>
    [...candidate.fs, ...candidate.net, ...candidate.scoped].includes(right),
  );
  if (row === undefined) throw new RangeError(`no version of Landlock has the right ${right}`);
  return row;
}

/** `Landlock ABI 4 (Linux 6.7)` */
export function abiText(abi: number): string {
  const row = ABI_TABLE.find((candidate) => candidate.abi === abi);
  return row === undefined ? `Landlock ABI ${abi}` : `Landlock ABI ${abi} (Linux ${row.kernel})`;
}
