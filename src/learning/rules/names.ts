/** The parts of a name that another run would not have again. */
const VARYING: readonly [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '*'],
  [/[0-9]{4}-?[0-9]{2}-?[0-9]{2}([T_-]?[0-9:]{4,8}Z?)?/g, '*'],
  [/[0-9a-f]{16,}/gi, '*'],
  [/[0-9]+/g, '*'],
];

/** The name with what varies taken out: session ids, dates, pids, counters of rotated logs. */
export function shapeOf(name: string): string {
  let shape = name;
  for (const [pattern, with_] of VARYING) shape = shape.replace(pattern, with_);
  return shape.replace(/\*+/g, '*');
}

/** Names that differ only at their end, in six or more characters of no meaning, as mkstemp makes them. */
export function temporaryPrefix(names: readonly string[]): string | undefined {
  const [first] = names;
  if (first === undefined || names.length < 2) return undefined;
  let length = first.length;
  for (const name of names) while (!name.startsWith(first.slice(0, length))) length--;
  const ends = names.map((name) => name.slice(length));
  if (length === 0 || !ends.every((end) => /^[A-Za-z0-9]{5,}$/.test(end))) return undefined;
  // Words are no accident: what is random mixes cases or digits.
  return ends.filter((end) => /[0-9]/.test(end) || (/[a-z]/.test(end) && /[A-Z]/.test(end))).length * 2 >=
    ends.length
    ? first.slice(0, length)
    : undefined;
}

/** A process's number in a path of /proc. */
export function processFolder(path: string): string | undefined {
  return /^\/proc\/([0-9]+)(\/|$)/.exec(path)?.[1];
}

/** The part of a library's file name that stays when it is replaced by its next minor version: `libz.so.1.` of `libz.so.1.2.13`, `libc-` of `libc-2.31.so`. */
export function libraryStem(name: string): { readonly before: string; readonly after: string } | undefined {
  const [, soname] = /^(lib.+\.so\.[0-9]+\.)[0-9][0-9.]*$/.exec(name) ?? [];
  if (soname !== undefined) return { before: soname, after: '' };
  const [, plain] = /^(lib[A-Za-z_+]+-)[0-9][0-9.]*\.so$/.exec(name) ?? [];
  return plain === undefined ? undefined : { before: plain, after: '.so' };
}
