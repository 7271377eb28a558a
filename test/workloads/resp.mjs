// A client of the redis protocol (RESP2) for tables of commands.
//   node resp.mjs [HOST:]PORT < TABLE
// A row is `COMMAND ARGUMENT... => EXPECTED`, in its order over one connection. Arguments and what is expected are split at spaces, except
// in 'single quotes'. The reply is flattened: nil, numbers and texts are shown as they are, an array as its items with spaces between, an
// error as its text behind a dash. EXPECTED may end in `*`; a row without `=>` takes any reply but an error. `&NAME COMMAND` sends on a second
// connection of that name; `&NAME => EXPECTED` waits for what that connection gets unasked. `!REPEAT N COMMAND` sends a command N times at
// once, `%i` in it being the count, and each reply must be as expected. `!WITHIN SECONDS COMMAND => EXPECTED` asks until the answer is right.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const limit = 60_000;

/** One value of the protocol that starts at `at`: its flat text and where it ends, or undefined where bytes are still missing. */
function parse(bytes, at) {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const text = bytes.toString('utf8', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
    case ':':
      return { flat: text, next };
    case '-':
      return { flat: `-${text}`, next };
    case '$': {
      const length = Number(text);
      if (length < 0) return { flat: 'nil', next };
      if (bytes.length < next + length + 2) return undefined;
      return { flat: bytes.toString('utf8', next, next + length), next: next + length + 2 };
    }
    case '*': {
      const count = Number(text);
      if (count < 0) return { flat: 'nil', next };
      const items = [];
      let here = next;
      for (let index = 0; index < count; index++) {
        const item = parse(bytes, here);
        if (item === undefined) return undefined;
        items.push(item.flat);
        here = item.next;
      }
      return { flat: items.join(' '), next: here };
    }
    default:
      throw new Error(`what the server sent is not RESP: ${bytes.toString('latin1', at, at + 40)}`);
  }
}

class Connection {
  #socket;
  #bytes = Buffer.alloc(0);
  #waiting = [];
  #unasked = [];
  #failure;

  constructor(host, port) {
    this.#socket = connect({ host, port });
    this.#socket.on('data', (part) => {
      this.#bytes = Buffer.concat([this.#bytes, part]);
      for (let value = this.#next(); value !== undefined; value = this.#next()) {
        const waiter = this.#waiting.shift();
        if (waiter === undefined) this.#unasked.push(value);
        else waiter.resolve(value);
      }
    });
    for (const event of ['error', 'close'])
      this.#socket.on(event, (error) =>
        this.#fail(error instanceof Error ? error : new Error('the connection was closed')),
      );
  }

  #next() {
    if (this.#bytes.length === 0) return undefined;
    const value = parse(this.#bytes, 0);
    if (value === undefined) return undefined;
    this.#bytes = this.#bytes.subarray(value.next);
    return value.flat;
  }

  #fail(error) {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  reply() {
    if (this.#unasked.length > 0) return Promise.resolve(this.#unasked.shift());
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  send(words) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.#socket.write(`*${words.length}\r\n${parts.join('')}`);
    return this.reply();
  }

  end() {
    this.#socket.destroy();
  }
}

function split(text) {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
}

function fits(reply, expected) {
  if (expected === undefined) return !reply.startsWith('-');
  return expected.endsWith('*') ? reply.startsWith(expected.slice(0, -1)) : reply === expected;
}

const [place = ''] = process.argv.slice(2);
const [host, port] = place.includes(':') ? place.split(':') : ['127.0.0.1', place];
const connections = new Map();
const over = (name) => {
  if (!connections.has(name)) connections.set(name, new Connection(host, Number(port)));
  return connections.get(name);
};
const clock = setTimeout(() => {
  console.error(`no answer within ${limit / 1000} s`);
  process.exit(1);
}, limit);

let failed = 0;
function judge(row, reply, expected) {
  if (fits(reply, expected)) return;
  failed += 1;
  console.error(`${row}: ${reply.slice(0, 200)} came`);
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const row = line.trim();
    if (row === '' || row.startsWith('#')) continue;
    const [left = '', right] = row.split(/\s+=>\s*|^=>\s*/);
    let words = split(left);
    const expected = right === undefined ? undefined : split(right).join(' ');
    let name = '';
    if (words[0]?.startsWith('&')) name = words.shift();
    const connection = over(name);
    if (words.length === 0) judge(row, await connection.reply(), expected);
    else if (words[0] === '!REPEAT') {
      const [, count, ...command] = words;
      const replies = Array.from({ length: Number(count) }, (_, index) =>
        connection.send(command.map((word) => word.replaceAll('%i', String(index)))),
      );
      for (const reply of await Promise.all(replies)) judge(row, reply, expected);
    } else if (words[0] === '!WITHIN') {
      const until = Date.now() + Number(words[1]) * 1000;
      words = words.slice(2);
      let reply = await connection.send(words);
      while (!fits(reply, expected) && Date.now() < until) {
        await pause(50);
        reply = await connection.send(words);
      }
      judge(row, reply, expected);
    } else judge(row, await connection.send(words), expected);
  }
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  failed += 1;
}
clearTimeout(clock);
for (const connection of connections.values()) connection.end();
process.exitCode = failed > 0 ? 1 : 0;
