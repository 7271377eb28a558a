import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import type { CallEvent, Policy } from '../../src/policy/index.js';
import { globWitness, internetRules, knownCalls, parseEvent, scalarEvent } from '../../src/policy/index.js';

const value = fc.oneof(fc.bigInt(0n, 40n), fc.bigInt(0n, (1n << 64n) - 1n));
const CALLS = [...knownCalls().keys(), ...['mmap', 'socket', 'ioctl', 'prctl', 'fcntl', 'clone'].flatMap((each) => Array(40).fill(each))]; // biome-ignore format: a table

function paths(policy: Policy): fc.Arbitrary<string> {
  const matching = policy.patterns.flatMap((rule) =>
    rule.kind === 'glob' ? [globWitness(rule.glob, '/') ?? '/'] : [],
  );
  const known = [...policy.files.map((rule) => rule.path), ...matching];
  const base = fc.constantFrom('/', '/etc/x', ...known);
  return fc.tuple(base, fc.constantFrom('', '/a', '/a/b', '-c')).map(([path, more]) => `${path}${more}`);
}

/** Calls that the policy may have something to say about. */
export function events(policy: Policy): fc.Arbitrary<CallEvent> {
  const ports = internetRules(policy.network).map((rule) => rule.object.ports.from);
  const port = fc.constantFrom(1, 25, 80, 87, ...ports);
  const host = fc.constantFrom(
    '',
    '127.0.0.1:',
    '10.1.2.3:',
    '10.2.0.0:',
    '[fd00::1]:',
    '[::1]:',
    '0.0.0.0:',
  );
  const internet = fc
    .tuple(fc.constantFrom('bind', 'connect', 'sendto'), fc.constantFrom('tcp', 'udp'), host, port)
    .map(
      ([call, protocol, address, each]) =>
        `${call}(3, ${call === 'sendto' ? '_, 1, 0, ' : ''}${protocol}/${address}${each})`,
    );
  const opened = fc
    .tuple(paths(policy), fc.constantFrom('O_RDONLY', 'O_WRONLY|O_CREAT', 'O_RDWR|O_TRUNC'))
    .map(([path, flags]) => `openat(${JSON.stringify(path)}, ${flags})`);
  const texts = fc.oneof(
    opened,
    paths(policy).map((path) => `unlink(${JSON.stringify(path)})`),
    paths(policy).map((path) => `execve(${JSON.stringify(path)})`),
    internet,
    paths(policy).map((path) => `connect(3, unix:${path})`),
    fc.constantFrom(
      'connect(3, unix:@x)',
      'connect(3, unix:@y)',
      'kill(other, 9)',
      'kill(1, 9)',
      'ptrace(16, 1)',
    ),
  );
  return fc.oneof(
    texts.map((text) => unwrap(parseEvent(text))),
    fc
      .tuple(fc.constantFrom(...CALLS), fc.array(value, { minLength: 6, maxLength: 6 }))
      .map(([call, values]) => scalarEvent(call, values)),
  );
}
