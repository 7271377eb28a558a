import type { Diagnostic, SourceSpan } from '../common/index.js';
import { nearestName } from '../common/index.js';
import type { SocketAccess, SocketObject, SocketRule } from '../policy/index.js';
import { parseSocketObject, SOCKET_WORDS, socketRule, wordsFor } from '../policy/index.js';

/** A rule that says all of an object, or one of several lists that each add a word. */
type Statement = 'rule' | 'list';

/** The socket rules of a profile as they are read, whatever the form: each object is ruled once. */
export class SocketDrafts {
  readonly #drafts = new Map<string, { readonly rule: SocketRule; readonly by: Statement }>();

  /** What is wrong with the statement; undefined where it was taken. */
  add(text: string, words: readonly SocketAccess[], span: SourceSpan, by: Statement): Diagnostic | undefined {
    const object = parseSocketObject(text);
    if (typeof object === 'string')
      return { code: 'bad-value', message: object, span, hint: `such as ${EXAMPLES}` };
    const wrong = words.find((word) => !wordsFor(object).includes(word));
    if (wrong !== undefined) return meaningless(object, wrong, text, span);
    const rule = socketRule(object, words, span);
    const before = this.#drafts.get(rule.id);
    if (before === undefined) {
      this.#drafts.set(rule.id, { rule, by });
      return undefined;
    }
    const none = words.length === 0 || before.rule.access.size === 0;
    if (none || (by === 'rule' && before.by === 'rule')) {
      return {
        code: 'duplicate-key',
        message: `${rule.id.slice('network:'.length)} is ruled twice`,
        span,
        hint: 'one rule says all of it',
        related: [{ message: 'first here', span: before.rule.span }],
      };
    }
    const merged = socketRule(object, [...before.rule.access, ...words], before.rule.span);
    this.#drafts.set(rule.id, { rule: merged, by: before.by === 'rule' ? 'rule' : by });
    return undefined;
  }

  get rules(): readonly SocketRule[] {
    return [...this.#drafts.values()].map(({ rule }) => rule);
  }

  /** Addresses that are granted something need a network to be granted on. */
  get firstGrant(): SocketRule | undefined {
    return this.rules.find(({ object, access }) => object.kind === 'internet' && access.size > 0);
  }
}

const EXAMPLES = 'tcp/110, tcp/10.0.0.0/8:443, udp/[fd00::1]:53, unix:/run/x or unix:@name';

function meaningless(object: SocketObject, word: SocketAccess, text: string, span: SourceSpan): Diagnostic {
  if (object.kind === 'internet')
    return {
      code: 'bad-value',
      message: `${text} is TCP, which has no datagrams to send`,
      span,
      hint: 'write connect, or udp/',
    };
  const [message, hint] =
    object.kind === 'unix'
      ? [`making the socket ${text} is making a file`, 'grant create on its folder under files']
      : [`${text} is a name of a process outside`, 'a name of its own the instance may take without a rule'];
  return { code: 'bad-value', message: `${message}, and no matter of ${word} here`, span, hint };
}

/** The words of a rule, of which none stands alone; otherwise what is wrong. */
export function readSocketWords(words: readonly string[]): readonly SocketAccess[] | string {
  if (words.length === 1 && words[0] === 'none') return [];
  const access: SocketAccess[] = [];
  for (const word of words) {
    const known = SOCKET_WORDS.find((candidate) => candidate === word);
    if (known === undefined) {
      const near = nearestName(word, SOCKET_WORDS);
      const hint = near === undefined ? `${SOCKET_WORDS.join(', ')}, or none alone` : near;
      return `${word} is not an access to sockets: it is ${hint}`;
    }
    if (access.includes(known)) return `${word} is said twice`;
    access.push(known);
  }
  return access.length === 0 ? 'what may be done with the socket is not said' : access;
}

/** A rule that the short lists of ports can say, and in which of them it stands. */
export function listsOf(rule: SocketRule): readonly ('accept' | 'connect')[] {
  const { object, access } = rule;
  if (object.kind !== 'internet' || object.address !== undefined) return [];
  if (object.ports.from !== object.ports.to || access.has('send')) return [];
  return (['accept', 'connect'] as const).filter((word) => access.has(word));
}
