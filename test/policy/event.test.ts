import test from 'ava';
import { parseEvent, socketAddressText } from '../../src/policy/index.js';

/** A call's arguments as short words, to compare with. */
function words(text: string): readonly string[] | string {
  const event = parseEvent(text);
  if (!event.ok) return event.diagnostics[0]?.code ?? '';
  return event.value.arguments.map((argument) => {
    if (argument.kind === 'missing') return '-';
    if (argument.kind === 'address') return `=${socketAddressText(argument.value)}`;
    return String(argument.value);
  });
}

const rows: readonly [string, readonly string[] | string][] = [
  ['openat("/etc/shadow", O_WRONLY)', ['-100', '/etc/shadow', '1', '-']],
  ['openat(AT_FDCWD, "/a,b)", O_RDWR|O_CREAT, 0644)', ['-100', '/a,b)', '66', '420']],
  ['renameat("/a", "/b")', ['-100', '/a', '-100', '/b']],
  ['connect(3, tcp/1.2.3.4:80)', ['3', '=tcp/1.2.3.4:80', '-']],
  ['connect(tcp/[::1]:443)', ['-', '=tcp/[::1]:443', '-']],
  ['connect(tcp/[::ffff:10.0.0.1]:443)', ['-', '=tcp/10.0.0.1:443', '-']],
  ['bind(tcp/110)', ['-', '=tcp/110', '-']],
  ['bind(tcp/0.0.0.0:110)', ['-', '=tcp/0.0.0.0:110', '-']],
  ['sendto(udp/10.0.0.53:53)', ['-', '-', '-', '0', '=udp/10.0.0.53:53', '-']],
  ['sendmsg(3, udp/10.0.0.53:53, 0)', ['3', '=udp/10.0.0.53:53', '0']],
  ['connect(3, unix:/dev/log)', ['3', '=unix:/dev/log', '-']],
  ['connect(unix:@x)', ['-', '=unix:@x', '-']],
  ['kill(other, SIGTERM)', ['other', '15']],
  ['openat(other, 0)', 'bad-event'],
  ['connect(3, tcp/10.0.0.0/8:80)', 'bad-event'],
  ['connect(3, tcp/80-90)', 'bad-event'],
  ['connect(3, tcp/localhost:80)', 'bad-event'],
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
  ['connect(3, tcp/99999)', 'bad-event'],
];

for (const [text, expected] of rows) {
  test(`parseEvent: ${JSON.stringify(text)}`, (t) => {
    t.deepEqual(words(text), expected);
  });
}
