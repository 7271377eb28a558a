import fc from 'fast-check';

const ADDRESSES = [
  ...['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3', '127.0.0.0/8', '127.0.0.1', '0.0.0.0/0'],
  ...['[fd00::]/8', '[fd00:1::]/32', '[::1]', '[::]/0'],
];
const PORTS = ['', ':80', ':80-90', ':85-95', ':88', ':0-1023', ':0'];

const object = fc.tuple(
  fc.constantFrom('tcp', 'udp'),
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...ADDRESSES) },
    { weight: 1, arbitrary: fc.constant('*') },
  ),
  fc.constantFrom(...PORTS),
);

/** A rule on addresses as YAML has it. */
export const socketRule = object.chain(([protocol, address, port]) =>
  fc
    .subarray(protocol === 'tcp' ? ['accept', 'connect'] : ['accept', 'connect', 'send'])
    .map((words) => [`${protocol}/${address}${port}`, words.join(' ') || 'none'] as const),
);

const unixRule = fc
  .tuple(
    fc.constantFrom('unix:/run', 'unix:/run/x', 'unix:/', 'unix:@a', 'unix:@*'),
    fc.subarray(['connect', 'send']),
  )
  .map(([name, words]) => [name, words.join(' ') || 'none'] as const);

const fileRules = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom('/', '/run', '/run/x', '/run/x/y'), fc.constantFrom('none', 'write', 'read')),
    {
      selector: ([path]) => path,
      maxLength: 3,
    },
  )
  .map((rules) => `files: {${rules.map(([path, access]) => `${path}: ${access}`).join(', ')}}\n`);

/** The part of a profile that speaks of sockets. */
export const socketBodies = fc
  .tuple(
    fileRules,
    fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: socketRule }, { weight: 1, arbitrary: unixRule }), {
      // The canonical text, so that no object is ruled twice.
      selector: ([name]) => name.replace(/\*:/, '').replace('tcp/*', 'tcp/'),
      maxLength: 6,
    }),
  )
  .map(
    ([files, rules]) =>
      `${files}network: {sockets: {${rules.map(([name, access]) => `${JSON.stringify(name)}: ${access}`).join(', ')}}, interface: host}\n`,
  );

const HOSTS = [
  ...[
    '',
    '0.0.0.0:',
    '10.0.0.1:',
    '10.1.0.1:',
    '10.1.2.1:',
    '10.1.2.3:',
    '127.0.0.1:',
    '127.9.9.9:',
    '192.0.2.1:',
  ],
  ...[
    '[::]:',
    '[::1]:',
    '[fd00::1]:',
    '[fd00:1::1]:',
    '[2001:db8::1]:',
    '[::ffff:10.1.2.3]:',
    '[::ffff:127.0.0.1]:',
  ],
];

/** Calls that name an address. */
export const events = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('bind', 'connect', 'sendto'),
        fc.constantFrom('tcp', 'udp'),
        fc.constantFrom(...HOSTS),
        fc.constantFrom(0, 79, 80, 84, 86, 88, 90, 93, 1023, 1024, 65535),
      )
      .map(([call, protocol, host, port]) => `${call}(${protocol}/${host}${port})`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('connect', 'sendto'),
        fc.constantFrom('/run', '/run/x', '/run/x/y', '/run/x/z', '/tmp/s', '@a', '@b'),
      )
      .map(([call, name]) => `${call}(unix:${name})`),
  },
);
