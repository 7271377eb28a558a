// What engines rely on beyond the specification: the command line that runtimes have in common.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { act, lines, sleeps, statusLine } from './case.mjs';
import { equal, eventually, expect } from './subject.mjs';

const id = 'command line';

/** Process 1 of a pid namespace is not ended by what it has no handler for, unless that comes as KILL or STOP from outside. */
const withoutPids = (config) => {
  config.linux.namespaces = config.linux.namespaces.filter((ns) => ns.type !== 'pid');
};

/** Each ends a container of its own. */
async function endedBy(subject, signals, change) {
  for (const signal of signals) {
    const { id: name } = await subject.started(sleeps, change);
    await subject.must(['kill', name, signal]);
    // Enough for who has it, and no minute for who has not.
    await subject.until(name, 'stopped', 15_000);
  }
}

const talks = ['input', 'complain:of nothing'];
/** What a program that goes on when the runtime has ended has read, said and complained of. */
async function hasTalked(result) {
  await eventually(
    () => result.said().answers.has(talks[1]),
    () => `on standard output is ${JSON.stringify(readFileSync(result.outFile, 'utf8'))}`,
  );
  equal(result.said().value(talks[0]), 'typed', 'what it has read');
  expect(
    result.complained().includes('of nothing'),
    `standard error is ${JSON.stringify(result.complained())}`,
  );
}

const withConsole = (subject, test) => subject.withPeer('console', test);

export const commandLine = [
  act(id, 'habit', 'run returns the exit code', async (subject) =>
    equal((await subject.run(['exit:7'])).code, 7, 'the code'),
  ),
  act(id, 'habit', 'run returns 128 + N for signal N', async (subject) =>
    equal((await subject.run(['signal:9'], withoutPids)).code, 137, 'the code'),
  ),
  act(id, 'habit', '--pid-file', async (subject) => {
    const file = join(subject.folder, 'pid');
    const container = await subject.created(sleeps, undefined, { flags: ['--pid-file', file] });
    equal(Number(readFileSync(file, 'utf8')), (await subject.state(container.id)).pid, 'the number');
  }),
  act(id, 'habit', '--bundle is the current folder where it is not given', async (subject) => {
    const name = subject.id();
    equal((await subject.call(['run', name], { cwd: subject.bundle(['exit:4']) })).code, 4, 'the code');
  }),
  act(id, 'habit', '--preserve-fds', async (subject) => {
    const fd = openSync('/dev/null', 'r');
    try {
      const result = await subject.run(['fds'], undefined, {
        verb: ['run', '--preserve-fds', '1'],
        fds: [fd],
      });
      equal(result.value('fds'), '0 1 2 3', 'the descriptors');
    } finally {
      closeSync(fd);
    }
  }),
  act(id, 'habit', '--no-pivot is known', async (subject) =>
    equal((await subject.run(['exit:5'], undefined, { verb: ['run', '--no-pivot'] })).code, 5, 'the code'),
  ),
  act(id, 'habit', '--no-new-keyring is known', async (subject) =>
    equal(
      (await subject.run(['exit:5'], undefined, { verb: ['run', '--no-new-keyring'] })).code,
      5,
      'the code',
    ),
  ),
  act(id, 'habit', 'an empty HOME is none, and is not there twice', async (subject) => {
    for (const given of [['HOME='], ['HOME=/other', 'HOME=']]) {
      const result = await subject.run(['read:/proc/self/environ'], (config) => {
        config.process.env.push(...given);
      });
      const homes = result
        .value('read:/proc/self/environ')
        .split(/[\n\0]/)
        .filter((line) => line.startsWith('HOME='));
      equal(homes.join(' '), 'HOME=/', given.join(' '));
    }
  }),
  act(id, 'habit', "who is given no HOME has that of the container's passwd file", async (subject) => {
    const wanted = [
      [0, '/root'],
      [12, '/srv/twelve'],
      [34, '/'],
    ];
    for (const [uid, home] of wanted) {
      const result = await subject.run(['read:/proc/self/environ'], (config, { rootfs }) => {
        writeFileSync(
          join(rootfs, 'etc/passwd'),
          'root:x:0:0:root:/root:/bin/sh\ntwelve:x:12:12::/srv/twelve:/bin/sh\n',
        );
        config.process.user = { uid, gid: uid };
      });
      equal(/^HOME=(.*)$/m.exec(result.value('read:/proc/self/environ'))?.[1], home, `of user ${uid}`);
    }
    const given = await subject.run(['read:/proc/self/environ'], (config) => {
      config.process.env.push('HOME=/given');
    });
    equal(/^HOME=(.*)$/m.exec(given.value('read:/proc/self/environ'))?.[1], '/given', 'HOME in env');
  }),
  act(id, 'habit', '--log and --log-format json', async (subject) => {
    const log = join(subject.folder, 'log');
    const result = await subject.call(['state', 'nonesuch'], {
      globals: ['--log', log, '--log-format', 'json'],
    });
    expect(result.code !== 0, 'state succeeded');
    const last = JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1));
    equal(last.level, 'error', 'the level');
    expect(last.msg, 'there is no message');
  }),
  act(id, 'habit', 'why run --detach has failed is in the log that --log names', async (subject) => {
    const log = join(subject.folder, 'log');
    const bundle = subject.bundle([], (config) => {
      config.process.args = ['/nowhere'];
    });
    const { code } = await subject.call(['run', '--detach', '--bundle', bundle, subject.id()], {
      globals: ['--log', log, '--log-format', 'json'],
    });
    expect(code !== 0, 'it ran');
    expect(existsSync(log), 'there is no log');
    const last = JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1));
    equal(last.level, 'error', 'the level');
    expect(/not found|no such file or directory/i.test(last.msg), last.msg);
  }),
  act(id, 'habit', 'run --detach', async (subject) => {
    const name = subject.id();
    await subject.must(['run', '--detach', '--bundle', subject.bundle(sleeps), name]);
    await subject.until(name, 'running');
  }),
  act(id, 'habit', "run --detach: the caller's streams are the container's", async (subject) => {
    const words = ['run', '--detach', '--bundle', subject.bundle(talks), subject.id()];
    await hasTalked(await subject.must(words, { input: 'typed' }));
  }),
  act(id, 'habit', "create and start: the streams of who creates it are the container's", async (subject) => {
    const container = await subject.created(talks, undefined, { input: 'typed' });
    await subject.must(['start', container.id]);
    await hasTalked(container);
  }),
  act(id, 'habit', "exec --detach: the caller's streams are the program's", async (subject) => {
    const { id: name } = await subject.started(sleeps);
    await hasTalked(
      await subject.must(['exec', '--detach', name, '/bin/probe', ...talks], { input: 'typed' }),
    );
  }),
  act(id, 'habit', 'a user opens the pipe that is standard output as a file', async (subject) => {
    const again = 'open:/proc/self/fd/1';
    const answered = async (change) => (await subject.run([again], change, { piped: true })).value(again);
    const user = { uid: 12, gid: 34 };
    await answered((config) => {
      config.process.user = user;
    });
    await answered((config) => {
      config.process.user = user;
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
    });
    const { id: name } = await subject.started(sleeps);
    const exec = await subject.must(['exec', '--user', '12:34', name, '/bin/probe', again], { piped: true });
    exec.said().value(again);
  }),
  act(
    id,
    'habit',
    'what run --detach has started stays until delete, also when it has ended',
    async (subject) => {
      const name = subject.id();
      await subject.must(['run', '--detach', '--bundle', subject.bundle(['exit:0']), name]);
      await subject.until(name, 'stopped');
      await subject.must(['delete', name]);
      expect((await subject.call(['state', name])).code !== 0, 'it is still there');
    },
  ),
  act(id, 'habit', 'run --keep leaves the container stopped, until delete', async (subject) => {
    const name = subject.id();
    const { code } = await subject.call(['run', '--keep', '--bundle', subject.bundle(['exit:3']), name]);
    equal(code, 3, 'the code');
    equal((await subject.state(name)).status, 'stopped', 'the status');
    await subject.must(['delete', name]);
    equal(
      (await subject.call(['run', '--bundle', subject.bundle(['exit:4']), name])).code,
      4,
      'the code of the next',
    );
  }),
  act(id, 'habit', '--preserve-fds with a descriptor that is not open is an error', async (subject) => {
    const { code } = await subject.run(['exit:0'], undefined, { verb: ['run', '--preserve-fds', '1'] });
    expect(code !== 0, 'it ran');
  }),
  act(id, 'habit', 'list --format json', async (subject) => {
    const { id: name } = await subject.created(sleeps);
    const list = JSON.parse((await subject.must(['list', '--format', 'json'])).stdout);
    const found = list.find((entry) => entry.id === name);
    equal(found?.status, 'created', 'the status');
    expect(found.pid > 0 && found.bundle, 'pid or bundle is missing');
  }),
  act(id, 'habit', 'list --quiet', async (subject) => {
    const { id: name } = await subject.created(sleeps);
    equal((await subject.must(['list', '--quiet'])).stdout.trim(), name, 'the list');
  }),
  act(id, 'habit', 'delete --force of a running container', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    await subject.must(['delete', '--force', name]);
    expect((await subject.call(['state', name])).code !== 0, 'it is still there');
  }),
  act(id, 'habit', 'delete --force of an id that is not there is no error', (subject) =>
    subject.must(['delete', '--force', 'nonesuch']),
  ),
  act(id, 'habit', 'kill takes numbers and names with and without SIG', (subject) =>
    endedBy(subject, ['9', 'KILL', 'SIGKILL', 'kill']),
  ),
  act(id, 'habit', 'kill takes the real-time signals by number', (subject) =>
    endedBy(subject, ['34', '37', '64'], withoutPids),
  ),
  act(id, 'habit', 'kill takes RTMIN+N and RTMAX-N', async (subject) => {
    await endedBy(subject, ['SIGRTMIN', 'RTMIN+3', 'SIGRTMAX-2'], withoutPids);
    const { id: name } = await subject.started(sleeps);
    for (const none of ['SIGRTMIN+31', 'RTMAX+1', 'RTMIN-1', 'RTMIN+'])
      expect((await subject.call(['kill', name, none])).code !== 0, `${none} was taken`);
  }),
  act(id, 'habit', 'list tells when each was created', async (subject) => {
    const { id: name } = await subject.created(sleeps);
    const [head, ...rows] = (await subject.must(['list'])).stdout.trim().split('\n');
    expect(/ PID .* CREATED +OWNER *$/.test(head), `the head is ${head}`);
    const row = rows.find((line) => line.startsWith(`${name} `));
    expect(/ created .* \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*Z +\S+ *$/.test(row ?? ''), `the row is ${row}`);
  }),
  act(id, 'habit', 'kill --all ends every process', async (subject) => {
    const { id: name } = await subject.started(['child', 'sleep:100000'], (config) => {
      subject.inCgroup(config);
      withoutPids(config);
    });
    await subject.until(name, 'running');
    const file = `/sys/fs/cgroup/${subject.cgroup}/cgroup.procs`;
    const inIt = () => readFileSync(file, 'utf8').trim();
    await eventually(() => inIt().split('\n').length >= 2, 'two processes are in the cgroup');
    await subject.must(['kill', '--all', name, 'KILL']);
    await subject.until(name, 'stopped');
    await eventually(
      () => inIt() === '',
      () => `what is left: ${inIt()}`,
    );
  }),
  act(id, 'habit', 'pause and resume', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    await subject.must(['pause', name]);
    equal((await subject.state(name)).status, 'paused', 'the status');
    expect(
      /frozen 1/.test(readFileSync(`/sys/fs/cgroup/${subject.cgroup}/cgroup.events`, 'utf8')),
      'it is not frozen',
    );
    await subject.must(['resume', name]);
    equal((await subject.state(name)).status, 'running', 'the status');
  }),
  act(id, 'habit', 'ps --format json', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    const { pid } = await subject.state(name);
    equal(
      JSON.stringify(JSON.parse((await subject.must(['ps', '--format', 'json', name])).stdout)),
      JSON.stringify([pid]),
      'the list',
    );
  }),
  act(id, 'habit', 'ps takes options of ps(1) behind the id', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    const { pid } = await subject.state(name);
    const { stdout } = await subject.must(['ps', name, '-e', '-o', 'uid,pid']);
    equal(stdout.replaceAll(/^ +/gm, '').replaceAll(/ +/g, ' '), `UID PID\n0 ${pid}\n`, 'the table');
    const without = await subject.call(['ps', name, '-e', '-o', 'comm']);
    expect(without.code !== 0, `a table without numbers was taken: ${without.stdout}`);
  }),
  act(id, 'habit', 'events --stats', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    const stats = JSON.parse((await subject.must(['events', '--stats', name])).stdout);
    equal(stats.type, 'stats', 'the type');
    equal(stats.id, name, 'the id');
    expect(Number.isInteger(stats.data.cpu.usage.total), 'cpu.usage.total is no number');
  }),
  act(id, 'habit', 'events is a line after each interval, until the container ends', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    await subject.withEvents(name, async ({ until, ended }) => {
      await until('stats', 3);
      await subject.must(['kill', name, 'KILL']);
      equal(await ended, 0, 'the code');
    });
  }),
  act(id, 'habit', 'events --interval takes no interval that is none', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    await subject.must(['events', '--stats', '--interval', '1m30s', name]);
    for (const interval of ['0s', '-1s', '5', 's', '1x', ''])
      expect(
        (await subject.call(['events', '--interval', interval, name])).code !== 0,
        `"${interval}" was taken`,
      );
  }),
  act(id, 'habit', 'update with a limit that cannot be held is an error', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    // One that no kernel knows, and one of a controller, where that is missing.
    const unknown = await subject.call(['update', '--resources', '-', name], {
      input: JSON.stringify({ unified: { 'nonesuch.max': '1' } }),
    });
    expect(unknown.code !== 0, 'a limit that nobody knows was set');
    if (readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').includes('memory')) return;
    expect((await subject.call(['update', '--memory', '67108864', name])).code !== 0, 'update succeeded');
  }),
  act(id, 'habit', 'update --resources - with nothing in it', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    await subject.must(['update', '--resources', '-', name], { input: '{}' });
  }),
  act(id, 'habit', "update's options may stand behind the id", async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    await subject.must(['update', name, '--resources', '-'], { input: '{}' });
  }),
  act(id, 'habit', 'spec writes a config.json', async (subject) => {
    await subject.must(['spec'], { cwd: subject.root });
    const config = JSON.parse(readFileSync(join(subject.root, 'config.json'), 'utf8'));
    expect(
      config.ociVersion && config.process.args.length > 0 && config.root.path,
      'a required field is missing',
    );
  }),
  act(id, 'habit', 'features is a JSON document', async (subject) => {
    const features = JSON.parse((await subject.must(['features'])).stdout);
    expect(
      features.ociVersionMin && features.ociVersionMax && features.linux.namespaces.includes('pid'),
      'a field is missing',
    );
  }),
  act(id, 'habit', '--version', async (subject) => {
    const { stdout } = await subject.must(['--version']);
    expect(/spec: \d+\.\d+\.\d+/.test(stdout), stdout);
  }),

  act(id, 'habit', 'exec runs a program and returns its code', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    equal((await subject.call(['exec', name, '/bin/probe', 'exit:6'])).code, 6, 'the code');
  }),
  act(id, 'habit', 'exec --cwd, --env and --user', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const { stdout } = await subject.must([
      'exec',
      '--cwd',
      '/data',
      '--env',
      'A=b',
      '--user',
      '12:34',
      name,
      '/bin/probe',
      'cwd',
      'ids',
      'read:/proc/self/environ',
    ]);
    expect(
      stdout.includes('"/data"') && stdout.includes('12 12 12 34 34 34') && stdout.includes('A=b'),
      stdout,
    );
  }),
  act(
    id,
    'habit',
    'exec --env counts before what the container has, and the later one of two',
    async (subject) => {
      const { id: name } = await subject.started(sleeps);
      const env = ['--env', 'PROBE=first', '--env', 'PROBE=second'];
      const { stdout } = await subject.must(['exec', ...env, name, '/bin/probe', 'read:/proc/self/environ']);
      expect(stdout.includes('PROBE=second') && !/PROBE=(yes|first)/.test(stdout), stdout);
    },
  ),
  act(id, 'habit', 'exec --additional-gids', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const options = ['--user', '12:34', '--additional-gids', '56', '--additional-gids', '78'];
    const { stdout } = await subject.must(['exec', ...options, name, '/bin/probe', 'ids']);
    expect(stdout.includes('"12 12 12 34 34 34 56 78"'), stdout);
  }),
  act(id, 'habit', 'exec --process', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const file = join(subject.folder, 'process.json');
    writeFileSync(
      file,
      JSON.stringify({ user: { uid: 3, gid: 4 }, args: ['/bin/probe', 'ids'], env: ['PATH=/bin'], cwd: '/' }),
    );
    const { stdout } = await subject.must(['exec', '--process', file, name]);
    expect(stdout.includes('"3 3 3 4 4 4"'), stdout);
  }),
  act(id, 'habit', 'exec --detach and --pid-file', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const file = join(subject.folder, 'exec.pid');
    await subject.must(['exec', '--detach', '--pid-file', file, name, '/bin/probe', 'sleep:100000']);
    const pid = Number(readFileSync(file, 'utf8'));
    expect(existsSync(`/proc/${pid}`), 'there is no such process');
    await eventually(
      () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sleep'),
      'it is another program',
    );
  }),
  act(id, 'habit', 'exec --cap', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const { stdout } = await subject.must([
      'exec',
      '--cap',
      'CAP_KILL',
      name,
      '/bin/probe',
      'read:/proc/self/status',
    ]);
    expect(/CapEff:\\u0009[0-9a-f]*[2367abef][0-9a-f]\\u000a/.test(stdout), 'CAP_KILL is not in force');
  }),
  act(id, 'habit', 'exec --cap with a name that nobody knows grants nothing', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const status = async (...options) => {
      const words = ['exec', ...options, name, '/bin/probe', 'read:/proc/self/status'];
      return /CapEff:\\u0009([0-9a-f]+)/.exec((await subject.must(words)).stdout)?.[1];
    };
    equal(await status('--cap', 'CAP_OF_NOBODY'), await status(), 'the capabilities');
  }),
  act(id, 'habit', '--config: another file than config.json', async (subject) => {
    const bundle = subject.bundle(['cwd']);
    const other = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
    other.process.cwd = '/data';
    writeFileSync(join(bundle, 'other.json'), JSON.stringify(other));
    for (const [cwd, file, folder] of [
      [bundle, 'other.json', '/data'],
      [undefined, join(bundle, 'other.json'), '/data'],
      [undefined, 'config.json', '/'],
    ]) {
      const words = ['run', '--bundle', bundle, '--config', file, subject.id()];
      const { stdout } = await subject.must(words, { cwd });
      expect(stdout.includes(`"${folder}"`), `by ${file}: ${stdout}`);
    }
    const lost = ['create', '--bundle', bundle, '--config', 'nowhere.json', subject.id()];
    expect((await subject.call(lost)).code !== 0, 'a file that is not there was taken');
  }),
  act(id, 'habit', "run.oci.keep_original_groups: the caller's groups", async (subject) => {
    const groups = async (value) => {
      const result = await subject.run(
        ['read:/proc/self/status'],
        (config) => {
          config.annotations = { 'run.oci.keep_original_groups': value };
        },
        { groups: '7,8' },
      );
      return statusLine(result, 'Groups');
    };
    equal(await groups('1'), '7 8', 'the groups');
    equal(await groups('0'), '', 'the groups without it');
    // Both cannot be had.
    const both = await subject.create(['exit:0'], (config) => {
      config.annotations = { 'run.oci.keep_original_groups': '1' };
      config.process.user.additionalGids = [9];
    });
    expect(both.code !== 0 && both.stderr.trim() !== '', 'additionalGids were passed over');
  }),
  act(
    id,
    'habit',
    'exec in a paused container is an error, or waits with --ignore-paused',
    async (subject) => {
      const { id: name } = await subject.started(sleeps, subject.inCgroup);
      await subject.must(['pause', name]);
      expect((await subject.call(['exec', name, '/bin/probe', 'exit:0'])).code !== 0, 'exec succeeded');
      let over = false;
      const exec = subject.call(['exec', '--ignore-paused', name, '/bin/probe', 'exit:6']);
      exec.then(() => {
        over = true;
      });
      // Its process is there when it is in the cgroup, beside the container's own.
      const members = () =>
        readFileSync(`/sys/fs/cgroup/${subject.cgroup}/cgroup.procs`, 'utf8').trim().split('\n');
      await eventually(() => over || members().length > 1, 'no process was made');
      expect(!over, `exec did not wait: ${(await Promise.race([exec, {}])).stderr}`);
      await subject.must(['resume', name]);
      equal((await exec).code, 6, 'the code');
    },
  ),
  act(id, 'habit', 'exec --cgroup', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    const below = `/sys/fs/cgroup/${subject.cgroup}/below`;
    mkdirSync(below);
    try {
      const words = [name, '/bin/probe', 'read:/proc/self/cgroup'];
      const { stdout } = await subject.must(['exec', '--cgroup', 'below', ...words]);
      expect(stdout.includes(`${subject.cgroup}/below`), `another cgroup: ${stdout}`);
      for (const wrong of ['nonesuch', '../..'])
        expect((await subject.call(['exec', '--cgroup', wrong, ...words])).code !== 0, `${wrong} was taken`);
    } finally {
      rmdirSync(below);
    }
  }),
  act(id, 'habit', 'exec of a program that is not there is an error', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const result = await subject.call(['exec', name, '/nowhere']);
    expect(result.code !== 0 && result.stderr.trim(), 'it is none');
  }),
  act(
    id,
    'habit',
    'a program that is not there is told in the words that engines look for',
    async (subject) => {
      const { code, stderr } = await subject.run([], (config) => {
        config.process.args = ['/nowhere'];
      });
      expect(code !== 0, 'it ran');
      expect(/executable file not found|no such file or directory/.test(stderr), stderr);
    },
  ),
  act(id, 'habit', 'exec in a stopped container is an error', async (subject) => {
    const { id: name } = await subject.started(['exit:0']);
    await subject.until(name, 'stopped');
    expect((await subject.call(['exec', name, '/bin/probe'])).code !== 0, 'exec succeeded');
  }),
  act(id, 'habit', 'exec of a program that cannot be executed ends with 255', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    for (const code of [1, 254])
      equal((await subject.call(['exec', name, '/bin/probe', `exit:${code}`])).code, code, 'its own code');
    const { code, stderr } = await subject.call(['exec', name, '/bin/nonesuch']);
    equal(code, 255, 'the code of one that is not there');
    expect(stderr.trim() !== '', 'without a word');
  }),
  act(id, 'habit', "exec --process without user is the container's", async (subject) => {
    const { id: name } = await subject.started(sleeps, (config) => {
      config.process.user = { uid: 12, gid: 34, additionalGids: [56] };
    });
    const file = join(subject.folder, 'process.json');
    const write = (fields) =>
      writeFileSync(
        file,
        JSON.stringify({ args: ['/bin/probe', 'read:/proc/self/status'], cwd: '/', ...fields }),
      );
    const ids = async () => {
      const { said } = await subject.must(['exec', '--process', file, name]);
      const words = (key) =>
        said()
          .value('read:/proc/self/status')
          .match(new RegExp(`^${key}:[ \\t]*(.*)$`, 'm'))[1]
          .trim();
      return `${words('Uid').split(/\s/)[0]}:${words('Gid').split(/\s/)[0]} ${words('Groups')}`;
    };
    write({ user: { uid: 7, gid: 8 } });
    equal((await ids()).trim(), '7:8', 'with user, the ids');
    write({});
    equal(await ids(), '12:34 56', 'without, the ids');
  }),
  act(id, 'habit', 'ps of a container that has stopped lists no process', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    equal(
      JSON.parse((await subject.must(['ps', '--format', 'json', name])).stdout).length,
      1,
      'while it runs, processes',
    );
    await subject.must(['kill', name, 'KILL']);
    await subject.until(name, 'stopped');
    const { stdout } = await subject.must(['ps', name]);
    equal(lines(stdout).length, 1, 'lines of the table');
    expect(/\bPID\b/.test(stdout), 'no heading');
    expect((await subject.call(['ps', 'nonesuch'])).code !== 0, 'one that is not there has a table, too');
  }),
  act(id, 'habit', '--log makes the file', async (subject) => {
    const { id: name } = await subject.started(sleeps);
    const log = join(subject.folder, 'log');
    await subject.must(['state', name], { globals: ['--log', log] });
    equal(readFileSync(log, 'utf8'), '', 'what there is to log of what goes well');
  }),
  act(id, 'habit', '--debug has something to tell', async (subject) => {
    const log = join(subject.folder, 'log');
    const { code } = await subject.run(['exit:0'], undefined, {
      globals: ['--debug', '--log', log, '--log-format', 'json'],
    });
    equal(code, 0, 'the code of run');
    const told = lines(readFileSync(log, 'utf8')).map((line) => JSON.parse(line));
    expect(
      told.some(({ level, msg }) => level === 'debug' && msg),
      'there is no message of the level debug',
    );
  }),
  act(id, 'habit', 'exec where the container has divided its cgroup', async (subject) => {
    const cgroup = `/sys/fs/cgroup/${subject.cgroup}`;
    // Of the controllers, that of memory is one whose cgroup has either processes or cgroups with limits of their own. The hosts without it have
    // cgroups that can be divided without being closed.
    const closes = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').split(/\s/).includes('memory');
    const { id: name } = await subject.started(sleeps, (config) => {
      subject.inCgroup(config);
      if (closes) config.linux.resources = { memory: { limit: 64 * 1048576 } };
    });
    const { pid } = await subject.state(name);
    mkdirSync(`${cgroup}/first/own`, { recursive: true });
    mkdirSync(`${cgroup}/second`);
    writeFileSync(`${cgroup}/first/own/cgroup.procs`, String(pid));
    if (closes) {
      writeFileSync(`${cgroup}/cgroup.subtree_control`, '+memory');
      writeFileSync(`${cgroup}/first/cgroup.subtree_control`, '+memory');
      const entered = spawnSync('sh', ['-c', `echo $$ >${cgroup}/cgroup.procs`], { encoding: 'utf8' });
      expect(entered.status !== 0, 'control: the divided cgroup can be entered');
    }
    const words = [name, '/bin/probe', 'read:/proc/self/cgroup'];
    const place = (await subject.must(['exec', ...words])).said().value('read:/proc/self/cgroup');
    const wanted = closes ? `${subject.cgroup}/first/own` : subject.cgroup;
    expect(place.includes(`/${wanted}\n`), `it is in ${place.trim()}, not in ${wanted}`);
    // All verbs that are for all that is in the container's cgroup.
    const second = await subject.must(['exec', '--detach', name, '/bin/probe', ...sleeps]);
    equal(second.code, 0, 'the code of exec --detach');
    const listed = JSON.parse((await subject.must(['ps', '--format', 'json', name])).stdout);
    equal(listed.length, 2, 'the processes of ps');
    await subject.must(['pause', name]);
    equal((await subject.state(name)).status, 'paused', 'the status after pause');
    await subject.must(['resume', name]);
    await subject.must(['delete', '--force', name]);
    expect(!existsSync(cgroup), 'the cgroup is left after delete');
  }),
  act(id, 'habit', 'exec is in the cgroup and the namespaces of the container', async (subject) => {
    const { id: name } = await subject.started(sleeps, subject.inCgroup);
    const { pid } = await subject.state(name);
    const { stdout } = await subject.must([
      'exec',
      name,
      '/bin/probe',
      'link:/proc/self/ns/pid',
      'read:/proc/self/cgroup',
    ]);
    expect(stdout.includes(subject.cgroup), `another cgroup: ${stdout}`);
    expect(pid > 0, 'no pid');
  }),
  act('config.md, Process', 'MUST', 'terminal and consoleSize, by --console-socket', (subject) =>
    withConsole(subject, async (socket, text, until) => {
      const container = await subject.created(
        ['terminal', 'stat:/dev/console'],
        (config) => {
          config.process.terminal = true;
          config.process.consoleSize = { height: 33, width: 77 };
        },
        { flags: ['--console-socket', socket] },
      );
      await subject.must(['start', container.id]);
      await until(() => text().includes('stat:/dev/console'));
      expect(text().includes('"33 77"'), `the size is another: ${text()}`);
      expect(text().includes('"char '), `/dev/console is not there: ${text()}`);
    }),
  ),
  act(id, 'habit', 'exec --tty with --console-socket', (subject) =>
    withConsole(subject, async (socket, text, until) => {
      const { id: name } = await subject.started(sleeps);
      await subject.must([
        'exec',
        '--tty',
        '--detach',
        '--console-socket',
        socket,
        name,
        '/bin/probe',
        'terminal',
      ]);
      await until(() => text().includes('"ask":"terminal","ok":true'));
    }),
  ),
  act(
    id,
    'habit',
    "run without --console-socket: the caller's terminal is the container's",
    async (subject) => {
      const ops = ['terminal', 'stat:/dev/console', 'session', 'exit:6'];
      const bundle = subject.bundle(ops, (config) => {
        config.process.terminal = true;
        config.process.consoleSize = { height: 33, width: 77 };
      });
      const { code, stdout } = await subject.call(['run', '--bundle', bundle, subject.id()], {
        terminal: true,
      });
      equal(code, 6, `the code (${stdout})`);
      expect(/"ask":"terminal","ok":true/.test(stdout), `it has no terminal: ${stdout}`);
      expect(stdout.includes('"char '), `/dev/console is not there: ${stdout}`);
      expect(/"ask":"session","ok":true,"value":"1"/.test(stdout), `its session is another: ${stdout}`);
    },
  ),
  act(
    id,
    'habit',
    "exec --tty without --console-socket: the caller's terminal is the program's",
    async (subject) => {
      const { id: name } = await subject.started(sleeps);
      const words = ['exec', '--tty', name, '/bin/probe', 'terminal', 'exit:5'];
      const { code, stdout } = await subject.call(words, { terminal: true });
      equal(code, 5, `the code (${stdout})`);
      expect(stdout.includes('"ask":"terminal","ok":true'), `it has no terminal: ${stdout}`);
    },
  ),
  act(id, 'habit', "the terminal is its user's", (subject) =>
    withConsole(subject, async (socket, text, until) => {
      const container = await subject.created(
        ['open:/dev/pts/0', 'stat:/dev/pts/0'],
        (config) => {
          config.process.terminal = true;
          config.process.user = { uid: 12, gid: 34 };
        },
        { flags: ['--console-socket', socket] },
      );
      await subject.must(['start', container.id]);
      await until(() => text().includes('stat:/dev/pts/0'));
      expect(/"ask":"open:\/dev\/pts\/0","ok":true/.test(text()), `it cannot be opened again: ${text()}`);
      expect(/"char 620 136:0 12:/.test(text()), `it is another's: ${text()}`);
    }),
  ),
  act(id, 'habit', 'create with a terminal and without --console-socket is an error', async (subject) => {
    const { code } = await subject.create(sleeps, (config) => {
      config.process.terminal = true;
    });
    expect(code !== 0, 'it was created');
  }),
  act(id, 'habit', "run --detach: the pid file is from the caller's folder", async (subject) => {
    const name = subject.id();
    const words = ['run', '--detach', '--pid-file', 'a-pid', '--bundle', subject.bundle(sleeps), name];
    await subject.must(words);
    const file = join(subject.folder, 'a-pid');
    expect(existsSync(file), 'it is not there');
    equal(Number(readFileSync(file, 'utf8')), (await subject.state(name)).pid, 'the number');
  }),
];
