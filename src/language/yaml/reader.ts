import type { Document, Node, Pair, YAMLMap } from 'yaml';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Diagnostic, DiagnosticCode, SourceFile, SourceSpan } from '../../common/index.js';

/** A member of a mapping, with the places of its key and value. */
export interface Member {
  readonly key: string;
  readonly keySpan: SourceSpan;
  readonly value: Node | undefined;
  readonly span: SourceSpan;
}

/** What the library says of some mistakes, for writers of profiles, and what to do. */
const SYNTAX: Readonly<Record<string, readonly [string, string]>> = {
  MULTIPLE_DOCS: ['a profile is one document', 'remove this line and what is behind it'],
  RESOURCE_EXHAUSTION: ['brackets are nested too deep', 'a profile has a few levels'],
  TAB_AS_INDENT: ['a tab cannot indent', 'indent with blanks'],
  BAD_SCALAR_START: ['a word cannot begin with this sign', 'put the word in quotes'],
  BLOCK_AS_IMPLICIT_KEY: [
    'there is a second colon on this line',
    'put a value with a colon and a blank in quotes, or begin a new line',
  ],
};

/** Gives the nodes of a YAML text with positions, and collects what is wrong with it. */
export class Reader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #file: SourceFile;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(file: SourceFile) {
    this.#file = file;
    this.#document = parseDocument(file.text, {
      lineCounter: this.#lines,
      keepSourceTokens: false,
      merge: false,
      // Looked for below: the library's own search takes time with the square of their number.
      uniqueKeys: false,
    });
    for (const problem of [...this.#document.errors, ...this.#document.warnings]) {
      const [from, to] = problem.pos;
      const said =
        problem.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? problem.message;
      const [message, hint] = SYNTAX[problem.code] ?? [
        said,
        'a sign may be missing here, or on a line above',
      ];
      this.report('syntax', message, this.#range(from, to), hint);
      // What follows is one and the same.
      if (problem.code === 'MULTIPLE_DOCS' || problem.code === 'RESOURCE_EXHAUSTION') break;
    }
    visit(this.#document, { Map: (_, map) => this.#keysOnce(map) });
  }

  #keysOnce({ items }: YAMLMap): void {
    const seen = new Map<unknown, SourceSpan>();
    for (const { key } of items) {
      if (!isScalar(key)) continue;
      const before = seen.get(key.value);
      if (before === undefined) seen.set(key.value, this.span(key));
      else
        this.diagnostics.push({
          code: 'duplicate-key',
          message: `${String(key.value)} is said twice`,
          span: this.span(key),
          hint: 'keep one of the two',
          related: [{ message: 'first here', span: before }],
        });
    }
  }

  get root(): Node | undefined {
    return this.#document.contents ?? undefined;
  }

  get wholeSpan(): SourceSpan {
    return this.#range(0, 0);
  }

  report(code: DiagnosticCode, message: string, span: SourceSpan, hint?: string): undefined {
    this.diagnostics.push({ code, message, span, ...(hint === undefined ? {} : { hint }) });
    return undefined;
  }

  span(node: Node | undefined): SourceSpan {
    const range = node?.range;
    return range === undefined || range === null ? this.wholeSpan : this.#range(range[0], range[1]);
  }

  /** The source text of a node, on one line. */
  sourceText(node: Node): string {
    const range = node.range;
    if (range === undefined || range === null) return '';
    return this.#file.text.slice(range[0], range[1]).trim().replace(/\s+/g, ' ');
  }

  /** The members of a mapping; other nodes are reported. */
  members(node: Node | undefined, what: string, example: string): readonly Member[] | undefined {
    if (!this.#plain(node)) return undefined;
    if (!isMap(node))
      return this.report('wrong-type', `${what} must be a mapping`, this.span(node), `such as ${example}`);
    const members: Member[] = [];
    for (const pair of (node as YAMLMap).items) {
      const member = this.#member(pair);
      if (member !== undefined) members.push(member);
    }
    return members;
  }

  #member(pair: Pair): Member | undefined {
    const key = isNode(pair.key) ? pair.key : undefined;
    const text = key === undefined ? undefined : this.text(key, 'a key');
    if (text === undefined) return undefined;
    const value = isNode(pair.value) ? pair.value : undefined;
    const keySpan = this.span(key);
    return { key: text, keySpan, value, span: value === undefined ? keySpan : this.span(value) };
  }

  isList(node: Node | undefined): boolean {
    return isSeq(node);
  }

  /** The items of a list; other nodes are reported. */
  items(node: Node | undefined, what: string, example: string): readonly Node[] | undefined {
    if (!this.#plain(node)) return undefined;
    if (!isSeq(node))
      return this.report('wrong-type', `${what} must be a list`, this.span(node), `such as ${example}`);
    return node.items.filter((item) => isNode(item));
  }

  /** A scalar as it stands in the source, so that numbers stay exact; other nodes are reported. */
  text(node: Node | undefined, what: string): string | undefined {
    if (!this.#plain(node)) return undefined;
    if (!isScalar(node) || node.value === null) {
      return this.report('wrong-type', `${what} must be a single value`, this.span(node));
    }
    if (typeof node.value === 'string') return node.value;
    return node.source ?? String(node.value);
  }

  /** Anchors and tags would make one text mean another; a profile has no need of them. */
  #plain(node: Node | undefined): node is Node {
    if (node === undefined) return true;
    if (isAlias(node))
      return this.report('unsupported', 'aliases are not part of a profile', this.span(node)) !== undefined;
    if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')) {
      return (
        this.report('unsupported', `the tag ${node.tag} is not part of a profile`, this.span(node)) !==
        undefined
      );
    }
    return true;
  }

  #range(from: number, to: number): SourceSpan {
    return { source: this.#file.name, start: this.#point(from), end: this.#point(Math.max(from, to)) };
  }

  /** The YAML reader speaks of places behind the end where something is missing there. */
  #point(wanted: number): SourceSpan['start'] {
    const offset = Math.min(wanted, this.#file.text.length);
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), offset };
  }
}
