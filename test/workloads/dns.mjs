// Asks a name server by UDP, and by TCP where an answer is cut off: node dns.mjs HOST[:PORT] < TABLE
// A row is `TYPE NAME => ANSWER...`, the answers sorted with spaces between, or the error's code such as ENOTFOUND.
import { Resolver } from 'node:dns/promises';
import { createInterface } from 'node:readline';

const [server = '127.0.0.1'] = process.argv.slice(2);
const resolver = new Resolver({ timeout: 5000, tries: 4 });
resolver.setServers([server]);

function flat(answer) {
  const items = Array.isArray(answer) ? answer : [answer];
  return items
    .map((item) => {
      if (Array.isArray(item)) return item.join('');
      if (typeof item !== 'object') return String(item);
      if ('exchange' in item) return `${item.priority}:${item.exchange}`;
      if ('port' in item) return `${item.name}:${item.port}`;
      return Object.values(item).join(':');
    })
    .sort()
    .join(' ');
}

let failed = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const row = line.trim();
  if (row === '' || row.startsWith('#')) continue;
  const [question = '', expected = ''] = row.split(/\s+=>\s*/);
  const [type, name, repeat = '1'] = question.split(/\s+/);
  const answers = await Promise.all(
    Array.from({ length: Number(repeat) }, () =>
      resolver.resolve(name, type).then(flat, (error) => error.code),
    ),
  );
  for (const answer of answers) {
    const fits = expected.endsWith('*') ? answer.startsWith(expected.slice(0, -1)) : answer === expected;
    if (fits) continue;
    failed += 1;
    console.error(`${row}: ${String(answer).slice(0, 200)} came`);
    break;
  }
}
process.exitCode = failed > 0 ? 1 : 0;
