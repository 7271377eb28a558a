// What recording costs: a storm of the cheapest call, a build, and a web server under load; each without a recorder, under both of ours, and
// under strace -f, in turns. Part of make bench; alone: node test/bench/record.mjs [ROUNDS]
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const recorder = resolve('build/bin/vxe-recorder');
const storm = resolve('build/trace/storm');

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/** Each way to watch: its name, and the command line that watches another. */
function watchers(folder) {
  let number = 0;
  const fresh = () => join(folder, `recording-${number++}.ndjson`);
  const all = [
    ['none', (argv) => argv],
    ['bpf', (argv) => [recorder, '--recorder', 'bpf', '-o', fresh(), '--host', ...argv]],
    ['notify', (argv) => [recorder, '--recorder', 'notify', '-o', fresh(), '--host', ...argv]],
    ['strace -f', (argv) => ['strace', '-f', '-o', '/dev/null', ...argv]],
  ];
  return all.filter(([name, watch]) => {
    if (name === 'none') return true;
    return (
      has(watch(['true'])[0]) &&
      spawnSync(watch(['true'])[0], watch(['true']).slice(1), { stdio: 'ignore' }).status === 0
    );
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function seconds(argv, options = {}) {
  const begun = performance.now();
  execFileSync(argv[0], argv.slice(1), { stdio: 'ignore', ...options });
  return (performance.now() - begun) / 1000;
}

/** Nanoseconds a call, the start of the watcher taken away. */
function perCall(ways, rounds) {
  const calls = { none: 2_000_000, bpf: 1_000_000, notify: 200_000, 'strace -f': 50_000 };
  const found = new Map(ways.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, watch] of ways) {
      const some = seconds(watch([storm, '1']));
      const all = seconds(watch([storm, String(calls[name])]));
      found.get(name).push(((all - some) * 1e9) / calls[name]);
    }
  }
  return found;
}

/** Seconds to make a small C project. */
function build(ways, rounds, folder) {
  const project = join(folder, 'project');
  mkdirSync(project);
  const names = Array.from({ length: 40 }, (_, index) => `part${index}`);
  for (const name of names)
    writeFileSync(
      join(project, `${name}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\nint ${name}(int n) { char b[99]; snprintf(b, sizeof b, "%d", n); return (int)strlen(b); }\n`,
    );
  writeFileSync(
    join(project, 'main.c'),
    `${names.map((name) => `int ${name}(int);`).join('\n')}\nint main(void) { return ${names.map((name) => `${name}(1)`).join(' + ')} == 0; }\n`,
  );
  writeFileSync(
    join(project, 'Makefile'),
    `all: program\nprogram: main.o ${names.map((name) => `${name}.o`).join(' ')}\n\tcc -o $@ $^\n%.o: %.c\n\tcc -O1 -c -o $@ $<\nclean:\n\trm -f *.o program\n`,
  );
  const found = new Map(ways.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, watch] of ways) {
      execFileSync('make', ['-s', 'clean'], { cwd: project });
      found.get(name).push(seconds(watch(['make', '-s']), { cwd: project }));
    }
  }
  return found;
}

function opens(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}

/** The process of nginx's one worker; who listens has not made it yet. */
async function workerOf(site) {
  for (let tries = 0; tries < 600; tries++) {
    const master = readFileSync(join(site, 'pid'), 'utf8').trim();
    const [worker] = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
    if (worker !== '') return worker;
    await sleep(50);
  }
  throw new Error('nginx makes no worker');
}

/** Seconds of processor that a process has used: beside a client that shares the processors, this tells more than the clock. */
const processorSeconds = (pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

/** Requests a second that nginx answers, one worker, a file of 600 bytes; and microseconds of its processor for one. */
async function web(ways, rounds, folder, nginx) {
  const site = join(folder, 'site');
  mkdirSync(join(site, 'logs'), { recursive: true });
  writeFileSync(join(site, 'index.html'), 'x'.repeat(600));
  writeFileSync(
    join(site, 'nginx.conf'),
    `worker_processes 1;\ndaemon off;\npid ${site}/pid;\nerror_log ${site}/logs/error;\nevents { worker_connections 512; }\nhttp { access_log off; ` +
      `${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${site}/${name};`).join(' ')} server { listen 127.0.0.1:18080; root ${site}; } }\n`,
  );
  const found = new Map(ways.map(([name]) => [name, []]));
  const processor = new Map(ways.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, watch] of ways) {
      const argv = watch([...nginx, '-p', site, '-c', join(site, 'nginx.conf')]);
      const server = spawn(argv[0], argv.slice(1), { stdio: 'ignore', detached: true });
      const ended = new Promise((done) => server.on('exit', done));
      try {
        for (let tries = 0; !(await opens(18080)); tries++) {
          if (tries > 600) throw new Error(`nginx does not serve under ${name}`);
          await sleep(50);
        }
        const worker = await workerOf(site);
        const before = processorSeconds(worker);
        const text = execFileSync('wrk', ['-t1', '-c8', '-d4s', 'http://127.0.0.1:18080/index.html'], {
          encoding: 'utf8',
        });
        found.get(name).push(Number(/Requests\/sec:\s+([0-9.]+)/.exec(text)[1]));
        const requests = Number(/([0-9]+) requests in/.exec(text)[1]);
        processor.get(name).push(((processorSeconds(worker) - before) * 1e6) / requests);
      } finally {
        // It is not there any more if it came to nothing.
        if (server.exitCode === null) process.kill(-server.pid, 'SIGTERM');
        await ended;
      }
    }
  }
  return { found, processor };
}

function table(title, unit, found, better) {
  const base = median(found.get('none'));
  const rows = [...found].map(([name, values]) => {
    const value = median(values);
    const ratio = better === 'less' ? value / base : base / value;
    return `| ${name} | ${value.toFixed(value < 10 ? 2 : 0)} | ${ratio.toFixed(2)} |`;
  });
  return [`### ${title}`, '', `| watched by | ${unit} | times none |`, '| --- | ---: | ---: |', ...rows, ''];
}

/** nginx as it is here, or as making its bundle leaves it in the cache; nothing is installed. */
function webServer(folder) {
  if (has('nginx')) return 'nginx';
  const cache = process.env.VXE_CACHE ?? resolve('build/cache');
  const found = () =>
    (existsSync(cache) ? readdirSync(cache) : [])
      .map((name) => join(cache, name, 'root/usr/sbin/nginx'))
      .find((path) => existsSync(path));
  if (found() === undefined)
    spawnSync(resolve('build/bin/vxe'), ['bundle', 'create', 'nginx', '--output', join(folder, 'bundles')], {
      env: { ...process.env, VXE_CACHE: cache },
      stdio: 'ignore',
    });
  return found();
}

/** The section of the results, as lines of Markdown. */
export async function measureRecording(rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-bench-record-'));
  try {
    const ways = watchers(folder);
    const lines = ['## Recording', '', `Medians of ${rounds} rounds in turns.`, ''];
    lines.push(...table('A call (getppid)', 'ns a call', perCall(ways, rounds), 'less'));
    lines.push(...table('make of a C project of 41 files', 's', build(ways, rounds, folder), 'less'));
    const nginx = webServer(folder);
    if (has('wrk') && nginx !== undefined) {
      const { found, processor } = await web(ways, rounds, folder, [nginx]);
      lines.push(...table('nginx under wrk, 8 connections', 'requests/s', found, 'more'));
      lines.push(...table('the same, processor time of the worker', 'µs a request', processor, 'less'));
    } else lines.push('nginx under wrk: not measured, since one of them is missing here.', '');
    return lines;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log((await measureRecording(Number(process.argv[2] ?? 3))).join('\n'));
