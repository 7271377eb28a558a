import test from 'ava';
import { unsettled } from '../../src/bundle/index.js';

/** What a launch has settled, and what the plans of a later profile count on. */

interface Parts {
  readonly net?: readonly string[];
  readonly ports?: readonly number[];
  readonly paths?: Readonly<Record<string, readonly string[]>>;
  readonly capabilities?: readonly string[];
  readonly masked?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
}

const HANDLED = ['read_file', 'write_file', 'truncate'];

function config({ net = ['connect_tcp'], ports = [], paths = {}, capabilities = [], ...more }: Parts) {
  return {
    process: {
      user: { uid: 0, gid: 0 },
      capabilities: { bounding: capabilities },
      landlock: {
        ruleset: { handledAccessFS: HANDLED, handledAccessNet: net, scoped: ['signal'] },
        rules: {
          pathBeneath: Object.entries(paths).map(([path, allowedAccess]) => ({
            allowedAccess,
            paths: [path],
          })),
          netPort: [{ allowedAccess: ['connect_tcp'], ports }],
        },
      },
    },
    linux: { maskedPaths: more.masked ?? [], namespaces: [{ type: 'pid' }] },
    annotations: { 'org.vxe.version': '1', ...more.annotations },
  };
}

const cases: readonly [string, Parts, Parts, string | undefined][] = [
  ['nothing differs', {}, {}, undefined],
  ['a file is granted besides', {}, { paths: { '/a': ['read_file'] } }, undefined],
  [
    'a file was granted by its folder',
    { paths: { '/a/b': ['read_file'] } },
    { paths: { '/a': ['read_file'] } },
    undefined,
  ],
  [
    'a file is not granted any more',
    { paths: { '/ab': ['read_file'] } },
    { paths: { '/a': ['read_file'] } },
    'files, ports and scopes',
  ],
  [
    'a right is not granted any more',
    { paths: { '/a': ['write_file'] } },
    { paths: { '/a': ['read_file'] } },
    'files, ports and scopes',
  ],
  ['a port is granted besides', {}, { ports: [80] }, undefined],
  ['a port is not granted any more', { ports: [80] }, { ports: [81] }, 'files, ports and scopes'],
  ['ports were not ruled', { net: [] }, {}, 'files, ports and scopes'],
  ['ports are not ruled any more', { ports: [80] }, { net: [] }, undefined],
  ['a capability is given besides', {}, { capabilities: ['CAP_KILL'] }, undefined],
  ['a capability is taken', { capabilities: ['CAP_KILL'] }, {}, 'capabilities'],
  ['a mask is gone', { masked: ['/a'] }, {}, undefined],
  ['a mask is new', {}, { masked: ['/a'] }, 'what is mounted over'],
  [
    'the filter is refused with another error',
    {},
    { annotations: { 'org.vxe.refuse.errno': 'connect=EACCES' } },
    undefined,
  ],
  [
    'a call is supervised besides',
    {},
    { annotations: { 'org.vxe.supervised': 'listen' } },
    'what is mounted, limited or supervised',
  ],
  [
    'addresses of UDP were not ruled',
    {},
    { annotations: { 'org.vxe.addresses': 'send udp 10.0.0.1/32 53-53 allow' } },
    'addresses',
  ],
  [
    'an address is granted besides',
    { annotations: { 'org.vxe.addresses': 'send udp 10.0.0.1/32 53-53 allow' } },
    { annotations: { 'org.vxe.addresses': 'send udp 10.0.0.0/24 53-53 allow' } },
    undefined,
  ],
  [
    'an address is not granted any more',
    { annotations: { 'org.vxe.addresses': 'send udp 10.0.0.0/24 53-53 allow' } },
    { annotations: { 'org.vxe.addresses': 'send udp 10.0.0.1/32 53-53 allow' } },
    'addresses',
  ],
  [
    'a range of ports is cut',
    { annotations: { 'org.vxe.addresses': 'connect tcp * 1-100 allow' } },
    { annotations: { 'org.vxe.addresses': 'connect tcp * 50-50 refuse\nconnect tcp * 1-100 allow' } },
    'addresses',
  ],
  [
    'a ring may do something besides',
    { annotations: { 'org.vxe.rings': 'NOP' } },
    { annotations: { 'org.vxe.rings': 'NOP READ' } },
    undefined,
  ],
  [
    'a ring may not do something any more',
    { annotations: { 'org.vxe.rings': 'NOP READ' } },
    { annotations: { 'org.vxe.rings': 'NOP' } },
    'what rings do',
  ],
  ['unix sockets were not refused', {}, { annotations: { 'org.vxe.unix': 'none' } }, 'addresses'],
];

for (const [name, launched, next, differs] of cases) {
  test(name, (t) => {
    t.is(unsettled(config(launched), config(next)), differs);
  });
}

test('what is not understood holds nothing', (t) => {
  const odd = { 'org.vxe.addresses': 'connect tcp everywhere' };
  t.is(unsettled(config({}), config({ annotations: odd })), 'addresses');
  t.is(
    unsettled(
      config({ annotations: odd }),
      config({ annotations: { 'org.vxe.addresses': 'connect tcp * 1-1 allow' } }),
    ),
    'addresses',
  );
});
