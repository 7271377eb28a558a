import type { Document, Node } from 'yaml';
import { isMap, isScalar, isSeq, parse, parseDocument } from 'yaml';
import type { Result, SourceFile } from '../../common/index.js';
import { compactJson, failure, success } from '../../common/index.js';
import type { Policy } from '../../policy/index.js';
import { parsePathText, pathText } from '../../policy/index.js';
import { parseProfile } from './parse.js';
import { printProfile } from './print.js';

/**
 * The text of a profile changed so that it says what `policy` says; whatever says the same in both, and every comment on it,
 * stays as the author wrote it.
 */
export function editProfile(file: SourceFile, policy: Policy): Result<string> {
  const before = parseProfile(file);
  if (!before.ok) return before;
  const [from, to] = [printProfile(before.value), printProfile(policy)];
  if (!from.ok) return from;
  if (!to.ok) return to;
  if (from.value === to.value) return success(file.text);
  const document = parseDocument(file.text);
  const wanted = parseDocument(to.value);
  change(document, [], contents(document), contents(parseDocument(from.value)), contents(wanted));
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  const again = parseProfile({ ...file, text });
  const printed = again.ok ? printProfile(again.value) : again;
  if (printed.ok && meaning(printed.value) === meaning(to.value)) return success(text);
  return failure({
    code: 'not-expressible',
    message: `${file.name} is laid out in a way that the change cannot be put into`,
    hint: 'convert the profile to its canonical form first: vxe profile convert',
  });
}

function contents(document: Document.Parsed): Node | undefined {
  return document.contents ?? undefined;
}

type Path = readonly string[];

/** Brings the author's node from what `from` says to what `to` says. */
function change(
  document: Document.Parsed,
  path: Path,
  node: Node | undefined,
  from: Node | undefined,
  to: Node | undefined,
): void {
  if (text(from) === text(to)) return;
  if (to === undefined) {
    document.deleteIn(path);
    return;
  }
  if (isMap(node) && isMap(from) && isMap(to)) {
    const keys = new Set([...keysOf(from), ...keysOf(to)]);
    const authored = path.join() === 'files' ? authoredKeys(node) : new Map<string, string>();
    for (const key of keys) {
      const own = authored.get(key) ?? key;
      change(document, [...path, own], child(node, own), child(from, key), child(to, key));
    }
    return;
  }
  if (isSeq(node) && isSeq(to)) {
    node.items = WHOLE.has(path[0] ?? '')
      ? replaced(node, to)
      : merged(node, isSeq(from) ? from : undefined, to);
    return;
  }
  if (isScalar(node) && isScalar(to)) node.value = to.value;
  else document.setIn(path, to);
}

/** The author's spelling of each path and pattern, by the one that is printed. */
function authoredKeys(node: Node): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const key of keysOf(node)) {
    const what = parsePathText(key);
    if (!what.ok) continue;
    const { value } = what;
    const slash = value.kind === 'path' && value.folder && value.path !== '/' ? '/' : '';
    keys.set(value.kind === 'path' ? `${pathText(value.path)}${slash}` : value.glob.text, key);
  }
  return keys;
}

/** The author's own items where they say what is wanted. Names keep the author's order, rows get the one that is wanted. */
function merged(
  node: { items: unknown[] },
  from: { items: unknown[] } | undefined,
  to: { items: unknown[] },
): unknown[] {
  if (to.items.every((item) => isScalar(item))) return mergedNames(node.items, from?.items ?? [], to.items);
  const aligned = from?.items.length === node.items.length ? from.items : node.items;
  const authored = node.items.map((item, index) => ({ item, says: text(aligned[index]) }));
  return to.items.map((wanted) => {
    const at = authored.findIndex(({ says }) => says === text(wanted));
    return at < 0 ? wanted : authored.splice(at, 1)[0]?.item;
  });
}

/** Lists in which every name counts: the canonical form leaves none of them out. */
const WHOLE: ReadonlySet<string> = new Set(['descriptors', 'namespaces', 'exec']);

function replaced(node: { items: unknown[] }, to: { items: unknown[] }): unknown[] {
  return to.items.map((wanted) => node.items.find((item) => text(item) === text(wanted)) ?? wanted);
}

function mergedNames(
  authored: readonly unknown[],
  from: readonly unknown[],
  to: readonly unknown[],
): unknown[] {
  const before = new Set(from.map(text));
  const wanted = new Set(to.map(text));
  // A name that the canonical form leaves out, since VXE adds it anyway, is the author's business.
  const kept = authored.filter((item) => wanted.has(text(item)) || !before.has(text(item)));
  const there = new Set(kept.map(text));
  return [...kept, ...to.filter((item) => !there.has(text(item)))];
}

/** Equal for texts that differ in the order of keys and names alone. */
function meaning(profile: string): string {
  return compactJson(
    parse(profile, (_, value: unknown) =>
      Array.isArray(value) && value.every((item) => typeof item === 'string') ? [...value].sort() : value,
    ),
  );
}

function keysOf(node: Node): readonly string[] {
  return isMap(node) ? node.items.map((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key)) : [];
}

function child(node: Node, key: string): Node | undefined {
  const value = isMap(node) ? node.get(key, true) : undefined;
  return value === undefined ? undefined : (value as Node);
}

function text(node: unknown): string {
  if (node === undefined || node === null) return '';
  if (isScalar(node)) return JSON.stringify(String(node.value));
  return JSON.stringify(node);
}
