/**
 * A pattern for paths as a regular expression: `*` and `?` stay within one name, `**` crosses slashes, `[a-z]` and `[!a-z]` are
 * classes, and a backslash takes the next character as it is. `DIR/**` is everything below DIR; `**` between slashes
 * stands for any number of folders, none included.
 */
export function globRegex(pattern: string): string {
  let regex = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? '';
    if (pattern.startsWith('**/', at) && (at === 0 || pattern[at - 1] === '/')) {
      regex += '(?:.*/)?';
      at += 2;
    } else if (pattern.startsWith('**', at)) {
      regex += '.*';
      at += 1;
    } else if (char === '*') {
      regex += '[^/]*';
    } else if (char === '?') {
      regex += '[^/]';
    } else if (char === '[') {
      const end = classEnd(pattern, at);
      if (end === undefined) {
        regex += '\\[';
        continue;
      }
      const inner = pattern.slice(at + 1, end).replace(/[\\\]^]/g, '\\$&');
      regex += inner.startsWith('!') ? `[^/${inner.slice(1)}]` : `[${inner}]`;
      at = end;
    } else if (char === '\\' && at + 1 < pattern.length) {
      at += 1;
      regex += literal(pattern[at] ?? '');
    } else {
      regex += literal(char);
    }
  }
  return regex;
}

function classEnd(pattern: string, start: number): number | undefined {
  const end = pattern.indexOf(']', start + (pattern[start + 1] === '!' ? 3 : 2));
  return end < 0 ? undefined : end;
}

function literal(char: string): string {
  return /[\\^$.|?*+()[\]{}]/.test(char) ? `\\${char}` : char;
}
