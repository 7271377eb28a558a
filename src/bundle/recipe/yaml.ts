import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import {
  type Diagnostic,
  failure,
  type Result,
  type SourceFile,
  type SourceSpan,
  success,
} from '../../common/index.js';
import type { Placed } from './schema.js';

/** Reads YAML into values that know their place. No aliases, no tags, no duplicate keys: a recipe says what it says once. */
export function readYaml(file: SourceFile): Result<Placed> {
  const lines = new LineCounter();
  const document = parseDocument(file.text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    version: '1.2',
    prettyErrors: false,
  });
  const spanOf = (from: number, to: number): SourceSpan => {
    const point = (offset: number) => {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col), offset };
    };
    return { source: file.name, start: point(from), end: point(Math.max(from, to)) };
  };
  if (document.errors.length > 0) {
    return failure(
      ...document.errors.map(
        (error): Diagnostic => ({
          code: error.code === 'DUPLICATE_KEY' ? 'duplicate-key' : 'syntax',
          message: error.message,
          span: spanOf(error.pos[0], error.pos[1]),
        }),
      ),
    );
  }
  const problems: Diagnostic[] = [];
  const whole = spanOf(0, 0);
  const place = (node: Node | null | undefined, fallback: SourceSpan, depth: number): Placed => {
    if (node === null || node === undefined)
      return { span: fallback, value: { kind: 'scalar', scalar: null } };
    const span = node.range ? spanOf(node.range[0], node.range[1]) : fallback;
    const nothing: Placed = { span, value: { kind: 'scalar', scalar: null } };
    const refuse = (message: string): Placed => {
      problems.push({ code: 'unsupported', message, span });
      return nothing;
    };
    if (depth > 32) return refuse('nested too deeply');
    if (isAlias(node)) return refuse('aliases are not used in recipes; write the value out');
    if (isMap(node)) {
      const entries = node.items.map((pair) => {
        const key = pair.key as Node;
        const keySpan = key.range ? spanOf(key.range[0], key.range[1]) : span;
        if (!isScalar(key) || typeof key.value !== 'string')
          problems.push({ code: 'wrong-type', message: 'a key must be a text', span: keySpan });
        return {
          key: isScalar(key) ? String(key.value) : '',
          keySpan,
          value: place(pair.value as Node | null, keySpan, depth + 1),
        };
      });
      return { span, value: { kind: 'map', entries } };
    }
    if (isSeq(node))
      return {
        span,
        value: { kind: 'list', items: node.items.map((item) => place(item as Node, span, depth + 1)) },
      };
    if (!isScalar(node)) return refuse('not a value that recipes know');
    const scalar = node.value;
    if (
      scalar === null ||
      typeof scalar === 'string' ||
      typeof scalar === 'number' ||
      typeof scalar === 'boolean'
    ) {
      return { span, value: { kind: 'scalar', scalar } };
    }
    return refuse('not a text, number or truth value');
  };
  const placed = place(document.contents as Node | null, whole, 0);
  return problems.length > 0 ? failure(...problems) : success(placed);
}

/** The plain value, without places. */
export function plain(placed: Placed): unknown {
  const node = placed.value;
  if (node.kind === 'scalar') return node.scalar;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plain(entry.value)]));
}
