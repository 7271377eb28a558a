import test from 'ava';
import { parseEvent } from '../../src/policy/index.js';

/** A call's arguments as short words, to compare with. */
function words(text: string): readonly string[] | string {
  const event = parseEvent(text);
  if (!event.ok) return event.diagnostics[0]?.code ?? '';
  return event.value.arguments.map((argument) => {
    if (argument.kind === 'missing') return '-';
    if (argument.kind === 'address') return JSON.stringify(argument.value);
    return String(argument.value);
  });
}

const rows: readonly [string, readonly string[] | string][] = [
  ['openat("/etc/shadow", O_WRONLY)', ['-100', '/etc/shadow', '1', '-']],
  ['openat(AT_FDCWD, "/a,b)", O_RDWR|O_CREAT, 0644)', ['-100', '/a,b)', '66', '420']],
  ['renameat("/a", "/b")', ['-100', '/a', '-100', '/b']],
  ['connect(3, tcp/1.2.3.4:80)', ['3', '{"family":"tcp","host":"1.2.3.4","port":80}', '-']],
  ['connect(tcp/[::1]:443)', ['-', '{"family":"tcp","host":"[::1]","port":443}', '-']],
  ['bind(tcp/110)', ['-', '{"family":"tcp","host":"*","port":110}', '-']],
  ['connect(3, unix:/dev/log)', ['3', '{"family":"unix","path":"/dev/log"}', '-']],
  ['connect(unix:@x)', ['-', '{"family":"abstract","name":"x"}', '-']],
  ['execve("/bin/sh")', ['/bin/sh', '-', '-']],
  ['getpid', []],
  ['getpid()', []],
  [' getpid ( ) ', []],
  ['open("a\\"b\\x41\\n")', ['a"bA\n', '-', '-']],
  ['socket(AF_INET, _, 0)', ['2', '-', '0']],
  ['frobnicate(1)', 'unknown-call'],
  ['socket(AF_INTE)', 'unknown-constant'],
  ['socket(1, 2, 3, 4)', 'bad-event'],
  ['socket("x")', 'bad-event'],
  ['read(tcp/1)', 'bad-event'],
  ['open("x', 'bad-event'],
  ['', 'bad-event'],
  ['open("x") or die', 'bad-event'],
  ['connect(3, tcp/99999)', 'unknown-constant'],
];

for (const [text, expected] of rows) {
  test(`parseEvent: ${JSON.stringify(text)}`, (t) => {
    t.deepEqual(words(text), expected);
  });
}
