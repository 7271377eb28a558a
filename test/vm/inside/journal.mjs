// journal.mjs LOGS INSTANCE: every entry of the journal (journalctl -a -o json, on the standard input) beside the record that it was sent for, field by
// field. Prints what differs, and ends with how many were compared, and with what was among them.
import { existsSync, readFileSync } from 'node:fs';

const [, , logs, instance] = process.argv;
const SAID = {
  refused: ['4', 'refused:'],
  performed: ['5', 'performed in soft mode:'],
  told: ['6', 'after the call:'],
};

/** In the journal what acts on a terminal, or is no UTF-8, is a space for each byte; a record has the one escaped, and U+FFFD for the other. */
function plain(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffd]/g, (each) =>
    ' '.repeat(each === '\ufffd' ? 1 : Buffer.byteLength(each)),
  );
}

function fieldsOf(record) {
  const [priority, said] = SAID[record.verdict];
  const object = record.path ?? record.to ?? '';
  const times = record.count > 1 ? `, ${record.count} times` : '';
  const fields = {
    MESSAGE: `${record.instance}: ${said} ${record.call}${object === '' ? '' : ` ${object}`} by ${record.rule}${times}`,
    MESSAGE_ID: '5c4f0d3f3a6b4c1e9d8a7f2b6e1c0a95',
    PRIORITY: priority,
    SYSLOG_IDENTIFIER: 'vxe',
    VXE_INSTANCE: record.instance,
    VXE_PROFILE: record.vxe,
    VXE_MODE: record.mode,
    VXE_RULE: record.rule,
    VXE_CALL: record.call,
    VXE_DETAIL: record.detail,
    VXE_PATH: record.path,
    VXE_ADDRESS: record.to,
    VXE_NEEDS: record.needs,
    VXE_VERDICT: record.verdict,
    VXE_RESULT: record.result,
    VXE_ERRNO: record.errno,
    VXE_MECHANISM: record.mechanism,
    VXE_COMM: record.comm,
    VXE_EXE: record.exe,
    VXE_PID: record.pid,
    VXE_COUNT: record.count,
  };
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => (value ?? '') !== '')
      .map(([name, value]) => [name, plain(String(value))]),
  );
}

/** Fields of bytes come as numbers. */
function entryOf(line) {
  const sent = Object.entries(JSON.parse(line)).filter(
    ([name]) =>
      name.startsWith('VXE_') || ['MESSAGE', 'MESSAGE_ID', 'PRIORITY', 'SYSLOG_IDENTIFIER'].includes(name),
  );
  return Object.fromEntries(
    sent.map(([name, value]) => [name, Array.isArray(value) ? Buffer.from(value).toString() : value]),
  );
}

const linesOf = (text) => text.split('\n').filter((line) => line !== '');
/** A profile without hooks has no log of them. */
function records(log) {
  const file = `${logs}/${instance}/${log}.ndjson`;
  return existsSync(file) ? linesOf(readFileSync(file, 'utf8')).map((line) => JSON.parse(line)) : [];
}
const entries = linesOf(readFileSync(0, 'utf8')).map(entryOf);
const isTold = ({ VXE_VERDICT }) => VXE_VERDICT === 'told' || VXE_VERDICT === 'lost';
const wanted = [records('violations'), records('after')];
const found = [entries.filter((entry) => !isTold(entry)), entries.filter(isTold)];
const different = [];
for (const [index, log] of wanted.entries()) {
  if (log.length !== found[index].length)
    different.push(`${log.length} records and ${found[index].length} entries`);
  for (const [at, record] of log.entries()) {
    const [want, have] = [fieldsOf(record), found[index][at] ?? {}];
    for (const name of new Set([...Object.keys(want), ...Object.keys(have)]))
      if (want[name] !== have[name])
        different.push(
          `record ${at} of ${record.call}, ${name}: ${JSON.stringify(want[name])}, not ${JSON.stringify(have[name])}`,
        );
  }
}
for (const line of different.slice(0, 20)) console.log(line);
const all = wanted.flat();
const some = (name, holds) => (all.some(holds) ? [name] : []);
console.log(
  [
    `compared ${all.length}:`,
    ...some('long', ({ path }) => Buffer.byteLength(path ?? '') > 500),
    ...some('bytes', ({ path }) => (path ?? '').includes('\ufffd')),
    ...some('acting', ({ path }) => (path ?? '').includes('\u001b')),
    ...some('folded', ({ count, verdict }) => count > 1 && verdict !== 'told'),
    ...some('address', ({ to }) => to !== undefined),
    ...some('needs', ({ needs, mechanism }) => (needs ?? '') !== '' && mechanism === 'landlock'),
    ...some('result', ({ result }) => typeof result === 'number' && result > 0),
    ...some('failed', ({ verdict, errno }) => verdict === 'told' && errno === 'ENOENT'),
    ...some('wide', ({ result }) => result === '4611686018427387905'),
    ...some('performed', ({ verdict }) => verdict === 'performed'),
    ...some('refused', ({ verdict }) => verdict === 'refused'),
  ].join(' '),
);
process.exitCode = different.length === 0 ? 0 : 1;
