import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import type { CauseKind } from '../../src/learning/index.js';
import { applyEdit, diagnose } from '../../src/learning/index.js';
import { decide, parseEvent } from '../../src/policy/index.js';

/** Causes that no bundle has to be started for; test/modes/why.test.ts seeds refusals that really happen. */

const source = {
  name: 'profile',
  text: `vxed: 1
name: daemon
description: serves one port
type: strict
program: /daemon
files: {/daemon: read execute}
network: {accept: [tcp/80], interface: host}
exec: once
calls: {permit: [bind, connect, sendto, write, fork]}
limits: {fsize: 4096, nproc: 3}
`,
};
const policy = unwrap(parseProfile(source), [source]);
const facts = { path: () => undefined, users: [{ uid: 0, gids: [0] }] };

const rows: readonly [string, string, CauseKind, string][] = [
  ['connect(udp/10.0.0.53:53)', 'EPERM', 'network', 'network: sockets: udp/10.0.0.53:53: connect'],
  ['sendto(3, _, 1, 0, udp/10.0.0.53:53)', 'EPERM', 'network', 'network: sockets: udp/10.0.0.53:53: send'],
  ['bind(udp/53)', 'EPERM', 'network', 'network: sockets: udp/53: accept'],
  ['connect(tcp/10.0.0.1:443)', 'EACCES', 'network', 'network: connect: [tcp/443]'],
  ['bind(tcp/80)', 'EACCES', 'capability', 'capabilities: [..., CAP_NET_BIND_SERVICE]'],
  ['write(1)', 'EFBIG', 'limit', 'limits: {fsize: 8192}'],
  ['fork()', 'EAGAIN', 'limit', 'limits: {nproc: 6}'],
];

/** Who rules TCP by address is offered no port of all of them. */
const addressed = unwrap(
  parseProfile({
    name: 'addressed',
    text: source.text.replace(
      'accept: [tcp/80]',
      'sockets: {tcp/127.0.0.0/8:7001: connect, tcp/10.0.0.9:443: none}',
    ),
  }),
);
const byAddress: readonly [string, string | undefined, RegExp][] = [
  ['connect(tcp/10.0.0.1:443)', 'network: sockets: tcp/10.0.0.1:443: connect', /^Landlock refuses /],
  ['connect(tcp/[fd00::1]:443)', 'network: sockets: tcp/[fd00::1]:443: connect', /^Landlock refuses /],
  ['connect(tcp/10.0.0.1:7001)', 'network: sockets: tcp/10.0.0.1:7001: connect', /programs on the cgroup/],
  ['bind(tcp/127.0.0.1:8080)', 'network: sockets: tcp/127.0.0.1:8080: accept', /^Landlock refuses /],
  // Whichever address the kernel takes is every address.
  ['bind(tcp/0.0.0.0:8080)', 'network: sockets: tcp/8080: accept', /^Landlock refuses /],
  ['bind(udp/0.0.0.0:53)', 'network: sockets: udp/53: accept', /programs on the cgroup/],
  ['connect(tcp/0.0.0.0:443)', undefined, /^Landlock refuses /],
];

for (const [text, wanted, says] of byAddress) {
  test(`a profile that rules by address, and what permits ${text}`, (t) => {
    const event = unwrap(parseEvent(text), [{ name: 'event', text }]);
    const { kind, sentence, fix } = diagnose(event, 'EACCES', addressed, facts);
    t.is(kind, 'network');
    t.regex(sentence, says);
    t.is(decide(addressed, event).verdict, 'refuse');
    t.is(fix?.kind === 'rule' ? fix.rule : undefined, wanted);
    if (fix?.kind !== 'rule') return;
    const changed = fix.edits.reduce(applyEdit, addressed);
    t.is(decide(changed, event).verdict, 'allow');
    const elsewhere = { ...event, arguments: unwrap(parseEvent('connect(tcp/10.0.0.9:443)')).arguments };
    t.is(decide(changed, elsewhere).verdict, 'refuse');
  });
}

for (const [text, errno, kind, wanted] of rows) {
  test(`why, and what permits it: ${text} = ${errno}`, (t) => {
    const event = unwrap(parseEvent(text), [{ name: 'event', text }]);
    const { kind: found, fix } = diagnose(event, errno, policy, facts);
    t.is(found, kind);
    if (fix?.kind !== 'rule') {
      t.fail('no rule');
      return;
    }
    t.is(fix.rule, wanted);
    const changed = fix.edits.reduce(applyEdit, policy);
    if (kind === 'network') {
      t.is(decide(policy, event).verdict, 'refuse');
      t.is(decide(changed, event).verdict, 'allow');
    }
  });
}
