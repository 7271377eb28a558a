// What service managers hand to a runtime by its environment: listening sockets (sd_listen_fds(3)) and a socket for notifications (sd_notify(3)).
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { act, lines } from './case.mjs';
import { equal, expect } from './subject.mjs';

const id = 'command line, activation';
const ENVIRONMENT = 'read:/proc/self/environ';

/** `test` gets the descriptor of a socket that listens. */
async function withListener(test) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await test(server._handle.fd);
  } finally {
    server.close();
  }
}

/** All values that a variable has in the container, by one answer or by what exec printed. */
const valuesOf = (environment, name) =>
  lines(environment)
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1))
    .join();

const heard = (text) => lines(text).filter((line) => line.startsWith('heard '));
const hears = (text, line) => heard(text).some((each) => each.includes(`|${line}|`));

/** run --detach with NOTIFY_SOCKET; the container's id. */
async function detached(subject, ops, socket, change) {
  const name = subject.id();
  const words = ['run', '--detach', '--bundle', subject.bundle(ops, change), name];
  await subject.must(words, { env: { NOTIFY_SOCKET: socket } });
  return name;
}

/** `test` gets a manager's socket, and what it was told up to now: a last word of our own comes behind all that was sent before. */
const withManager = (subject, test) =>
  subject.withPeer('manager', async (socket, text, until) => {
    let asked = 0;
    const told = async () => {
      const last = `LAST=${++asked}`;
      spawnSync(subject.probe, [`notify:${last}`], { env: { NOTIFY_SOCKET: socket } });
      await until(() => hears(text(), last));
      return text();
    };
    await test(socket, told, (line) => until(() => hears(text(), line)));
  });

export const activation = [
  act(id, 'habit', 'sockets of LISTEN_FDS are passed on, with LISTEN_PID as it is inside', (subject) =>
    withListener(async (fd) => {
      const result = await subject.run(['listens:3', 'fds', 'pid', ENVIRONMENT], undefined, {
        activated: '$$',
        fds: [fd],
        env: { LISTEN_FDS: '1' },
      });
      equal(result.value('listens:3'), '1', 'descriptor 3');
      equal(result.value('fds'), '0 1 2 3', 'the descriptors');
      equal(valuesOf(result.value(ENVIRONMENT), 'LISTEN_FDS'), '1', 'LISTEN_FDS');
      equal(valuesOf(result.value(ENVIRONMENT), 'LISTEN_PID'), result.value('pid'), 'LISTEN_PID');
    }),
  ),
  act(id, 'habit', 'and with LISTEN_FDNAMES', (subject) =>
    withListener(async (fd) => {
      const result = await subject.run([ENVIRONMENT], undefined, {
        activated: '$$',
        fds: [fd],
        env: { LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' },
      });
      equal(valuesOf(result.value(ENVIRONMENT), 'LISTEN_FDNAMES'), 'web', 'LISTEN_FDNAMES');
    }),
  ),
  act(id, 'habit', 'none where LISTEN_PID is another process', (subject) =>
    withListener(async (fd) => {
      const result = await subject.run([ENVIRONMENT], undefined, {
        activated: '1',
        fds: [fd],
        env: { LISTEN_FDS: '1' },
      });
      equal(valuesOf(result.value(ENVIRONMENT), 'LISTEN_FDS'), '', 'LISTEN_FDS');
      equal(valuesOf(result.value(ENVIRONMENT), 'LISTEN_PID'), '', 'LISTEN_PID');
    }),
  ),
  act(id, 'habit', 'a socket that is not open is an error', async (subject) => {
    const { code } = await subject.run(['exit:0'], undefined, { activated: '$$', env: { LISTEN_FDS: '1' } });
    expect(code !== 0, 'it ran');
  }),
  act(id, 'habit', '--preserve-fds counts from behind the sockets', (subject) =>
    withListener(async (fd) => {
      const second = openSync('/dev/null', 'r');
      try {
        const result = await subject.run(['listens:3', 'fds', ENVIRONMENT], undefined, {
          verb: ['run', '--preserve-fds', '1'],
          activated: '$$',
          fds: [fd, second],
          env: { LISTEN_FDS: '1' },
        });
        equal(result.value('listens:3'), '1', 'descriptor 3');
        equal(result.value('fds'), '0 1 2 3 4', 'the descriptors');
        equal(valuesOf(result.value(ENVIRONMENT), 'LISTEN_FDS'), '1', 'LISTEN_FDS');
      } finally {
        closeSync(second);
      }
    }),
  ),
  act(id, 'habit', 'the sockets are there after create and start', (subject) =>
    withListener(async (fd) => {
      const container = await subject.created(['listens:3', 'exit:0'], undefined, {
        activated: '$$',
        fds: [fd],
        env: { LISTEN_FDS: '1' },
      });
      await subject.must(['start', container.id]);
      await subject.until(container.id, 'stopped');
      equal(container.said().value('listens:3'), '1', 'descriptor 3');
    }),
  ),
  act(id, 'habit', 'exec passes sockets on, too', (subject) =>
    withListener(async (fd) => {
      const { id: name } = await subject.started(['sleep:100000']);
      const { stdout } = await subject.must(
        ['exec', name, '/bin/probe', 'listens:3', 'pid', 'read:/proc/self/environ'],
        { activated: '$$', fds: [fd], env: { LISTEN_FDS: '1' } },
      );
      const pid = /"ask":"pid","ok":true,"value":"(\d+)"/.exec(stdout)?.[1];
      expect(/"ask":"listens:3","ok":true,"value":"1"/.test(stdout), stdout);
      expect(stdout.includes('LISTEN_FDS=1\\u000a') && stdout.includes(`LISTEN_PID=${pid}\\u000a`), stdout);
    }),
  ),
  act(id, 'habit', 'what the configuration has under these names gives way', (subject) =>
    withManager(subject, (socket, told) =>
      withListener(async (fd) => {
        const change = (config) => {
          config.process.env.push('LISTEN_FDS=7', 'LISTEN_PID=1', 'NOTIFY_SOCKET=/nowhere');
        };
        const env = { LISTEN_FDS: '1', NOTIFY_SOCKET: socket };
        const options = { activated: '$$', fds: [fd], env };
        const container = await subject.created([ENVIRONMENT, 'notify:READY=1'], change, options);
        await subject.must(['start', container.id], { env });
        await subject.until(container.id, 'stopped');
        equal(valuesOf(container.said().value(ENVIRONMENT), 'LISTEN_FDS'), '1', 'LISTEN_FDS');
        expect(hears(await told(), 'READY=1'), 'the manager has not heard that it is ready');
      }),
    ),
  ),
  act(id, 'habit', 'NOTIFY_SOCKET: run --detach returns when the container is ready', (subject) =>
    withManager(subject, async (socket, told) => {
      await detached(subject, ['sleep:200', 'notify:READY=1', 'sleep:100000'], socket);
      expect(hears(await told(), 'READY=1'), 'the manager has not heard that it is ready');
    }),
  ),
  act(id, 'habit', 'and the manager hears which process is the main one', (subject) =>
    withManager(subject, async (socket, told) => {
      const name = await detached(subject, ['notify:READY=1', 'sleep:100000'], socket);
      const { pid } = await subject.state(name);
      expect(hears(await told(), `MAINPID=${pid}`), `the manager has not heard of ${pid}`);
    }),
  ),
  act(id, 'habit', 'NOTIFY_SOCKET: start returns when the container is ready', (subject) =>
    withManager(subject, async (socket, told) => {
      const env = { NOTIFY_SOCKET: socket };
      const ops = ['sleep:200', 'notify:READY=1', 'sleep:100000'];
      const container = await subject.created(ops, undefined, { env });
      const { pid } = await subject.state(container.id);
      expect(!hears(await told(), 'READY=1'), 'it is ready before it is started');
      await subject.must(['start', container.id], { env });
      const all = await told();
      expect(
        hears(all, 'READY=1') && hears(all, `MAINPID=${pid}`),
        `the manager heard ${JSON.stringify(all)}`,
      );
      equal((await subject.state(container.id)).status, 'running', 'the status');
    }),
  ),
  act(id, 'habit', 'start of a container that ends without a word returns', (subject) =>
    withManager(subject, async (socket, told) => {
      const env = { NOTIFY_SOCKET: socket };
      const container = await subject.created(['exit:0'], undefined, { env });
      await subject.must(['start', container.id], { env });
      await subject.until(container.id, 'stopped');
      expect(!hears(await told(), 'READY=1'), 'the manager has heard that it is ready');
    }),
  ),
  act(id, 'habit', 'the container does not speak for others to the manager', (subject) =>
    withManager(subject, async (socket, told) => {
      const hostile = [
        'MAINPID=1',
        'FDSTORE=1',
        'NOTIFYACCESS=all',
        'BUSERROR=x',
        'USERPID=1',
        'MAINPIDFDID=1',
      ];
      const ops = [`notify:${hostile.join('|')}`, `notify:READY=1|${hostile.join('|')}`];
      const name = await detached(subject, ops, socket);
      await subject.until(name, 'stopped');
      const all = await told();
      expect(hears(all, 'READY=1'), 'the manager has not heard that it is ready');
      for (const line of hostile) expect(!hears(all, line), `the manager heard ${line}`);
    }),
  ),
  act(id, 'habit', 'what it says later is passed on, too', (subject) =>
    withManager(subject, async (socket, _told, hearing) => {
      const env = { NOTIFY_SOCKET: socket };
      const later = ['notify:STATUS=at work', 'notify:STOPPING=1'];
      const container = await subject.created(['notify:READY=1', 'sleep:200', ...later], undefined, { env });
      await subject.must(['start', container.id], { env });
      await subject.until(container.id, 'stopped');
      // Where nobody takes it any more the container knows.
      for (const each of later) container.said().value(each);
      for (const each of later) await hearing(each.slice('notify:'.length));
    }),
  ),
  act(id, 'habit', 'without NOTIFY_SOCKET there is none in the container', async (subject) => {
    const result = await subject.run(['notify:READY=1', ENVIRONMENT], undefined, {
      env: { NOTIFY_SOCKET: '' },
    });
    result.refused('notify:READY=1');
    equal(valuesOf(result.value(ENVIRONMENT), 'NOTIFY_SOCKET'), '', 'NOTIFY_SOCKET');
  }),
  act(id, 'habit', 'NOTIFY_SOCKET reaches the root of a user namespace that is nobody outside', (subject) =>
    withManager(subject, async (socket, told) => {
      await detached(subject, ['notify:READY=1', 'sleep:100000'], socket, (config, { rootfs }) => {
        mkdirSync(join(rootfs, 'run/notify'), { recursive: true });
        const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
        config.linux.namespaces.push({ type: 'user' });
        Object.assign(config.linux, { uidMappings: mappings, gidMappings: mappings });
      });
      expect(hears(await told(), 'READY=1'), 'the manager has not heard that it is ready');
    }),
  ),
];
