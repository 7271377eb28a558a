import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { lossOf, missingIn, readRecording, readTold } from '../../src/learning/index.js';

const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync('schemas/recording.schema.json', 'utf8')) as object,
);
const golden = readFileSync('schemas/examples/recording.ndjson', 'utf8').trimEnd().split('\n');

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

test('every line of the example is of the schema', (t) => {
  for (const line of golden) t.true(validate(JSON.parse(line)), line);
  t.false(validate({ record: 'header' }));
  t.false(validate({ ...(JSON.parse(golden[2] ?? '') as object), verdict: 'perhaps' }));
});

test('what hooks tell, and what they could not, is of the schema and is read', (t) => {
  const line = {
    ...(JSON.parse(golden[2] ?? '') as object),
    ...{
      rule: 'after:openat',
      at: 'web.vxed.yaml:9:5',
      verdict: 'told',
      mechanism: 'bpf',
      mode: 'production',
    },
    ...{ vxe: 'web', instance: 'web', result: -13, errno: 'EACCES' },
  };
  const lost = {
    ...line,
    call: null,
    nr: -1,
    args: [],
    result: null,
    rule: 'after:lost',
    verdict: 'lost',
    count: 7,
  };
  for (const each of [line, lost]) t.true(validate(each), JSON.stringify(validate.errors));
  const told = readTold(JSON.stringify(line));
  t.like(told, { verdict: 'told', call: 'openat', result: -13n, errno: 'EACCES', rule: 'after:openat' });
  const far = { ...line, result: '4611686018427387905' };
  t.true(validate(far), JSON.stringify(validate.errors));
  t.like(readTold(JSON.stringify(far)), { result: 4611686018427387905n });
  t.like(readTold(JSON.stringify(lost)), { verdict: 'lost', count: 7 });
  for (const broken of [
    { ...line, verdict: 'refused' },
    { ...line, result: 'no' },
    { ...line, result: '0x10' },
    { ...line, args: ['x'] },
    {},
  ])
    t.is(readTold(JSON.stringify(broken)), undefined);
  t.is(readTold('{"time":'), undefined);
});

test('the example is read whole, with what was repeated', async (t) => {
  const read = await readRecording('example', each(golden));
  if (!read.ok) return t.fail(JSON.stringify(read.diagnostics));
  const { header, calls, processes, trailer } = read.value;
  t.is(header.run, '5f0c2a9b7d1e4f38');
  t.deepEqual(
    calls.map((call) => [call.call, call.count, call.paths[0]?.path, call.address?.text]),
    [
      ['openat', 12, '/etc/nginx/nginx.conf', undefined],
      ['bind', 1, undefined, 'tcp/0.0.0.0:8080'],
      ['connect', 1, '/run/nscd/socket', 'unix:/run/nscd/socket'],
      ['rename', 1, '/var/lib/nginx/a', undefined],
    ],
  );
  t.is(calls[0]?.args[0], 0xffffff9cn);
  t.is(calls[0]?.decoded.get('flags'), 'O_RDONLY|O_CLOEXEC');
  t.is(calls[3]?.result, undefined);
  t.deepEqual(
    processes.map((process) => process.event),
    ['exec', 'exit'],
  );
  t.is(trailer.calls, 18);
  t.is(lossOf(read.value), 3);
});

test("what the program's own filter answered is counted, and is no call to learn from", async (t) => {
  const lines = golden.map((line) =>
    line.includes('"call":"connect"')
      ? line
          .replace(/"verdict":"performed"/, '"verdict":"refused"')
          .replace(/"mechanism":"[^"]*"/, '"mechanism":"own-filter"')
      : line,
  );
  t.notDeepEqual(lines, golden);
  const read = await readRecording('example', each(lines));
  if (!read.ok) return t.fail(JSON.stringify(read.diagnostics));
  t.deepEqual(
    read.value.calls.map((call) => call.call),
    ['openat', 'bind', 'rename'],
  );
  t.is(read.value.trailer.calls, 18);
});

const damage: readonly [string, (lines: string[]) => string[], RegExp][] = [
  ['without its trailer', (lines) => lines.slice(0, -1), /is not complete/],
  ['without its header', (lines) => lines.slice(1), /line 1: a recording has one header/],
  ['with a call missing', (lines) => lines.filter((line) => !line.includes('"seq":3')), /holds 14 calls/],
  [
    'with a call twice',
    (lines) => lines.toSpliced(3, 0, lines[2] ?? ''),
    /line 4: there is a call 2 already/,
  ],
  [
    'with the repeat of nothing',
    (lines) => lines.map((line) => line.replace('"of":2', '"of":99')),
    /line 7: repeats the call 99/,
  ],
  ['cut within a line', (lines) => [...lines.slice(0, 3), (lines[3] ?? '').slice(0, 40)], /is not complete/],
  ['of a later format', (lines) => lines.map((line) => line.replace('"format":1', '"format":2')), /format 2/],
  ['that goes on', (lines) => [...lines, lines[2] ?? ''], /after the trailer/],
  ['that is empty', () => [], /is empty/],
  [
    'with a relative path',
    (lines) =>
      lines.map((line) => line.replace('"path":"/etc/nginx/nginx.conf","kind"', '"path":"etc","kind"')),
    /line 3: paths: etc is not absolute/,
  ],
];

const cut: readonly [string, (lines: readonly string[]) => readonly string[], readonly string[]][] = [
  ['behind a line', (lines) => lines.slice(0, 4), ['openat', 'bind']],
  ['within a line', (lines) => [...lines.slice(0, 3), (lines[3] ?? '').slice(0, 40)], ['openat']],
  ['before its first call', (lines) => lines.slice(0, 1), []],
];

for (const [where, change, expected] of cut) {
  test(`a recording that was cut off ${where} is read if it is asked for, and says so`, async (t) => {
    const lines = change(golden);
    t.false((await readRecording('cut', each(lines))).ok);
    const read = await readRecording('cut', each(lines), { cut: 'taken' });
    if (!read.ok) return t.fail(JSON.stringify(read.diagnostics));
    t.deepEqual(
      read.value.calls.map(({ call }) => call),
      expected,
    );
    t.is(read.value.trailer.end, 'cut');
    t.regex(missingIn(read.value) ?? '', /^cut is not complete/);
  });
}

test('what is damaged is not taken for cut off', async (t) => {
  const damaged: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['torn in the middle', [...golden.slice(0, 2), '{"time":', ...golden.slice(2)], /line 3: not JSON/],
    [
      'torn in the middle, and cut',
      [...golden.slice(0, 2), '{"time":', ...golden.slice(2, -1)],
      /line 3: not JSON/,
    ],
    ['whole, but for one call', golden.filter((line) => !line.includes('"seq":3')), /holds 14 calls/],
    ['its last line of no known kind', [...golden.slice(0, 3), '{"record":"other"}'], /line 4: .*not known/],
    ['its header torn', [(golden[0] ?? '').slice(0, 20)], /line 1: not JSON/],
    ['empty', [], /is empty/],
  ];
  for (const [what, lines, expected] of damaged) {
    const read = await readRecording('damaged', each(lines), { cut: 'taken' });
    t.regex(read.ok ? '' : (read.diagnostics[0]?.message ?? ''), expected, what);
  }
});

for (const [what, change, expected] of damage) {
  test(`a recording ${what} is refused`, async (t) => {
    const read = await readRecording('damaged', each(change([...golden])));
    t.false(read.ok);
    if (!read.ok) t.regex(read.diagnostics[0]?.message ?? '', expected);
  });
}

test('of a call on aarch64 the arguments are read as profiles speak of them', async (t) => {
  const moved = (line: string): string =>
    line.includes('"seq":2,')
      ? line
          .replace('"arch":"x86_64"', '"arch":"aarch64"')
          .replace(/"args":\[[^\]]*\]/, '"args":["0xffffff9c","0x1","0x8c000","0x0"]')
      : line;
  const lines = golden.map(moved);
  t.is(lines.filter((line) => line.includes('aarch64')).length, 1);
  const read = await readRecording('example', each(lines));
  if (!read.ok) return t.fail(JSON.stringify(read.diagnostics));
  // O_CLOEXEC stays; O_DIRECTORY and O_NOFOLLOW have other bits.
  t.deepEqual(read.value.calls[0]?.args, [0xffffff9cn, 1n, 0xb0000n, 0n]);
});
