// runtime.md and runtime-linux.md: state, lifecycle, operations, hooks.
import { chmodSync, existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { act, sleeps, statusLine } from './case.mjs';
import { equal, eventually, expect, Failure } from './subject.mjs';

const fails = async (subject, args) => {
  const result = await subject.call(args);
  expect(result.code !== 0, `${args[0]} succeeded`);
};
/** A hook that appends its name and standard input to a file of the bundle. */
const hook = (folder, name, extra = '') => ({
  path: '/bin/sh',
  args: ['sh', '-c', `{ echo ${name}; cat; echo; } >>${folder}/hooks; ${extra}`],
  env: ['PATH=/usr/bin:/bin'],
});
const hookLog = (container) => {
  const file = join(container.bundle, 'hooks');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const names = (log) => log.split('\n').filter((line) => /^[a-zA-Z]+$/.test(line));

export const runtime = [
  act('runtime.md, State', 'MUST', 'the state has its required fields', async (subject) => {
    const { id, bundle } = await subject.created(sleeps, (config) => {
      config.annotations = { 'org.example.key': 'value' };
    });
    const state = await subject.state(id);
    equal(state.id, id, 'id');
    equal(state.status, 'created', 'status');
    equal(realpathSync(state.bundle), realpathSync(bundle), 'bundle');
    expect(/^\d+\.\d+\.\d+/.test(state.ociVersion), `ociVersion is ${state.ociVersion}`);
    expect(Number.isInteger(state.pid) && state.pid > 0, `pid is ${state.pid}`);
    equal(state.annotations['org.example.key'], 'value', 'the annotation');
  }),
  act('runtime.md, State', 'MUST', 'status running while the program runs', async (subject) => {
    const { id } = await subject.started(sleeps);
    await subject.until(id, 'running');
  }),
  act('runtime.md, State', 'MUST', 'status stopped when the program has ended', async (subject) => {
    const { id } = await subject.started(['exit:0']);
    await subject.until(id, 'stopped');
  }),
  act('runtime.md, Query State', 'MUST', 'state of an id that is not there is an error', (subject) =>
    fails(subject, ['state', 'nonesuch']),
  ),
  act('runtime.md, Query State', 'MUST', 'state without an id is an error', (subject) =>
    fails(subject, ['state']),
  ),

  act('runtime.md, Create', 'MUST', 'create does not run the program', async (subject) => {
    const container = await subject.created(['write:/data/ran', 'exit:0']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(!existsSync(join(container.bundle, 'rootfs/data/ran')), 'it ran');
  }),
  act('runtime.md, Create', 'MUST', 'an id that is in use is refused', async (subject) => {
    const { id } = await subject.created(sleeps);
    const again = await subject.create(sleeps, undefined, { id });
    expect(again.code !== 0, 'create succeeded');
    equal((await subject.state(id)).status, 'created', 'the first one');
  }),
  act(
    'runtime.md, Create',
    'MUST',
    'the id of a stopped container is in use until delete',
    async (subject) => {
      const { id } = await subject.started(['exit:0']);
      await subject.until(id, 'stopped');
      expect((await subject.create(sleeps, undefined, { id })).code !== 0, 'create succeeded');
    },
  ),
  act(
    'runtime.md, Create',
    'MUST',
    'create without an id or with a bundle that is not there is an error',
    async (subject) => {
      await fails(subject, ['create']);
      await fails(subject, ['create', '--bundle', '/nowhere', subject.id()]);
    },
  ),
  act('runtime.md, Create', 'MUST', 'changes of config.json after create have no effect', async (subject) => {
    const container = await subject.created(['hostname']);
    const file = join(container.bundle, 'config.json');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('"hostname":"conformance"', '"hostname":"changed"'),
    );
    await subject.must(['start', container.id]);
    await subject.until(container.id, 'stopped');
    equal(container.said().value('hostname'), 'conformance', 'the name');
  }),
  act(
    'runtime.md, Create',
    'MUST',
    'changes of config.json after create have no effect on hooks, either',
    async (subject) => {
      const container = await subject.created(['exit:0'], (config, { folder }) => {
        config.hooks = { poststart: [hook(folder, 'poststart')], poststop: [hook(folder, 'poststop')] };
      });
      writeFileSync(join(container.bundle, 'config.json'), '{}');
      await subject.must(['start', container.id]);
      await subject.until(container.id, 'stopped');
      await subject.must(['delete', container.id]);
      equal(names(hookLog(container)).join(' '), 'poststart poststop', 'the hooks that ran');
    },
  ),
  act('runtime.md, Create', 'MUST', 'a create that fails leaves nothing', async (subject) => {
    const failed = await subject.create(['ids'], (config) => {
      config.process.cwd = '/nowhere/at/all/file';
      config.root.path = 'nowhere';
    });
    expect(failed.code !== 0, 'create succeeded');
    await fails(subject, ['state', failed.id]);
  }),

  act('runtime.md, Start', 'MUST', 'start runs the program', async (subject) => {
    const container = await subject.started(['ids']);
    await subject.until(container.id, 'stopped');
    expect(container.said().value('ids'), 'it did not run');
  }),
  act(
    'runtime.md, Start',
    'MUST',
    'start of a running container is an error without effect',
    async (subject) => {
      const { id } = await subject.started(sleeps);
      await subject.until(id, 'running');
      await fails(subject, ['start', id]);
      equal((await subject.state(id)).status, 'running', 'the status');
    },
  ),
  act('runtime.md, Start', 'MUST', 'start of a stopped container is an error', async (subject) => {
    const { id } = await subject.started(['exit:0']);
    await subject.until(id, 'stopped');
    await fails(subject, ['start', id]);
  }),
  act('runtime.md, Start', 'MUST', 'a program that cannot be executed is an error', async (subject) => {
    const made = await subject.create(['exit:0'], (config, { rootfs }) => {
      writeFileSync(join(rootfs, 'bin/broken'), 'neither ELF nor script\n', { mode: 0o755 });
      config.process.args = ['/bin/broken'];
    });
    if (made.code !== 0) return;
    await fails(subject, ['start', made.id]);
  }),
  act(
    'runtime.md, Lifecycle',
    'MUST',
    'poststart hooks run after the program is executed',
    async (subject) => {
      const container = await subject.created(sleeps, (config, { folder }) => {
        config.hooks = {
          poststart: [
            {
              path: '/bin/sh',
              args: [
                'sh',
                '-c',
                `readlink /proc/$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')/exe >${folder}/exe`,
              ],
              env: ['PATH=/usr/bin:/bin'],
            },
          ],
        };
      });
      await subject.must(['start', container.id]);
      const exe = readFileSync(join(container.bundle, 'exe'), 'utf8').trim();
      expect(exe.endsWith('/bin/probe'), `the process was still ${exe}`);
    },
  ),
  act('runtime.md, Start', 'MUST', 'start of an id that is not there is an error', (subject) =>
    fails(subject, ['start', 'nonesuch']),
  ),
  act('runtime.md, Start', 'MUST', 'without process create works and start is an error', async (subject) => {
    const { id } = await subject.created([], (config) => {
      delete config.process;
    });
    await fails(subject, ['start', id]);
  }),

  act('runtime.md, Kill', 'MUST', 'kill sends the signal', async (subject) => {
    const { id } = await subject.started(sleeps);
    await subject.until(id, 'running');
    await subject.must(['kill', id, 'KILL']);
    await subject.until(id, 'stopped');
  }),
  act('runtime.md, Kill', 'MUST', 'kill of a created container', async (subject) => {
    const { id } = await subject.created(sleeps);
    await subject.must(['kill', id, 'KILL']);
    await subject.until(id, 'stopped');
  }),
  act('runtime.md, Kill', 'MUST', 'kill of a stopped container is an error', async (subject) => {
    const { id } = await subject.started(['exit:0']);
    await subject.until(id, 'stopped');
    await fails(subject, ['kill', id, 'KILL']);
  }),
  act(
    'command line',
    'habit',
    'kill tells of a container that has ended, or is not there, as containerd understands it',
    async (subject) => {
      const { id } = await subject.started(['exit:0']);
      await subject.until(id, 'stopped');
      const stopped = await subject.call(['kill', id, 'KILL']);
      expect(/container not running|no such process/i.test(stopped.stderr), stopped.stderr);
      const absent = await subject.call(['kill', 'nonesuch', 'KILL']);
      expect(/does not exist/.test(absent.stderr), absent.stderr);
    },
  ),
  act('runtime.md, Kill', 'MUST', 'kill of an id that is not there is an error', (subject) =>
    fails(subject, ['kill', 'nonesuch', 'KILL']),
  ),

  act('runtime.md, Delete', 'MUST', 'delete of a stopped container removes it', async (subject) => {
    const { id } = await subject.started(['exit:0']);
    await subject.until(id, 'stopped');
    await subject.must(['delete', id]);
    await fails(subject, ['state', id]);
  }),
  act('runtime.md, Delete', 'MUST', 'after delete the id is free', async (subject) => {
    const { id } = await subject.started(['exit:0']);
    await subject.until(id, 'stopped');
    await subject.must(['delete', id]);
    await subject.created(sleeps, undefined, { id });
  }),
  ...[
    ['created', 'created'],
    ['running', 'started'],
  ].map(([status, make]) =>
    act(
      'runtime.md, Delete',
      'MUST',
      `delete of a ${status} container is an error without effect`,
      async (subject) => {
        const { id } = await subject[make](sleeps);
        await subject.until(id, status);
        await fails(subject, ['delete', id]);
        equal((await subject.state(id)).status, status, 'the status');
      },
    ),
  ),
  act('runtime.md, Delete', 'MUST', 'delete of an id that is not there is an error', (subject) =>
    fails(subject, ['delete', 'nonesuch']),
  ),
  act('runtime.md, Delete', 'MUST', 'delete leaves what the bundle has', async (subject) => {
    const { id, bundle } = await subject.started(['exit:0']);
    await subject.until(id, 'stopped');
    await subject.must(['delete', id]);
    expect(
      existsSync(join(bundle, 'config.json')) && existsSync(join(bundle, 'rootfs/etc/file')),
      'something is gone',
    );
  }),

  act('runtime.md, Lifecycle', 'MUST', 'hooks run each at its time and in order', async (subject) => {
    let folder;
    const container = await subject.created(['exit:0'], (config, place) => {
      folder = place.folder;
      config.hooks = Object.fromEntries(
        ['prestart', 'createRuntime', 'poststart', 'poststop'].map((name) => [
          name,
          [hook(folder, name), hook(folder, `${name}Second`)],
        ]),
      );
    });
    equal(
      names(hookLog(container)).join(' '),
      'prestart prestartSecond createRuntime createRuntimeSecond',
      'after create',
    );
    await subject.must(['start', container.id]);
    await subject.until(container.id, 'stopped');
    await eventually(() => names(hookLog(container)).length >= 6, 'the hooks after start are run');
    equal(names(hookLog(container)).slice(4).join(' '), 'poststart poststartSecond', 'after start');
    await subject.must(['delete', container.id]);
    equal(names(hookLog(container)).slice(6).join(' '), 'poststop poststopSecond', 'after delete');
  }),
  act('config.md, POSIX-platform Hooks', 'MUST', 'hooks get the state on standard input', async (subject) => {
    const container = await subject.created(sleeps, (config, { folder }) => {
      config.hooks = { createRuntime: [hook(folder, 'createRuntime')] };
    });
    const text = hookLog(container);
    const state = JSON.parse(text.slice(text.indexOf('{')));
    equal(state.id, container.id, 'id');
    expect(state.pid > 0, `pid is ${state.pid}`);
    expect(['creating', 'created'].includes(state.status), `status is ${state.status}`);
  }),
  act('config.md, POSIX-platform Hooks', 'MUST', 'the environment of a hook is env', async (subject) => {
    const container = await subject.created(sleeps, (config, { folder }) => {
      config.hooks = {
        createRuntime: [
          { path: '/bin/sh', args: ['sh', '-c', `echo "$HOOK" >${folder}/hooks`], env: ['HOOK=given'] },
        ],
      };
    });
    equal(hookLog(container), 'given\n', 'the variable');
  }),
  act('config.md, POSIX-platform Hooks', 'habit', "a hook without env has the runtime's", async (subject) => {
    const container = await subject.created(
      sleeps,
      (config, { folder }) => {
        const args = ['sh', '-c', `echo "$HOOK" >>${folder}/hooks`];
        config.hooks = {
          createRuntime: [
            { path: '/bin/sh', args },
            { path: '/bin/sh', args, env: ['HOOK=given'] },
          ],
        };
      },
      { env: { HOOK: 'inherited' } },
    );
    equal(hookLog(container), 'inherited\ngiven\n', 'the variables');
  }),
  act(
    'config.md, POSIX-platform Hooks',
    'SHOULD',
    "a program of the container, as a hook, has nothing of the runtime's environment",
    async (subject) => {
      const result = await subject.run(
        ['cwd'],
        (config) => {
          config.hooks = {
            startContainer: [{ path: '/bin/probe', args: ['probe', 'read:/proc/self/environ'] }],
          };
        },
        { env: { HOOK: 'of the host' } },
      );
      expect(result.value('cwd') === '/' && !result.stdout.includes('of the host'), 'the variable is there');
    },
  ),
  act(
    'command line',
    'habit',
    'a startContainer hook has the environment of the program, unless it has one of its own',
    async (subject) => {
      const hooked = async (fields) => {
        let file;
        const { code, stderr } = await subject.run(['exit:0'], (config, { rootfs }) => {
          file = join(rootfs, 'data/environ');
          config.process.env = ['HOME=/', 'PROGRAM=main'];
          const args = ['probe', 'environ:/data/environ'];
          config.hooks = { startContainer: [{ path: '/bin/probe', args, ...fields }] };
        });
        equal(code, 0, `the code (${stderr.trim()})`);
        return readFileSync(file, 'utf8');
      };
      equal(await hooked({}), 'HOME=/\nPROGRAM=main\n', 'what it has');
      equal(await hooked({ env: ['HOOK=own'] }), 'HOOK=own\n', 'what it has with its own');
    },
  ),
  act(
    'runtime.md, Lifecycle',
    'MUST',
    'a createRuntime hook that fails is an error and leaves no container',
    async (subject) => {
      const failed = await subject.create(sleeps, (config, { folder }) => {
        config.hooks = { createRuntime: [hook(folder, 'createRuntime', 'exit 3')] };
      });
      expect(failed.code !== 0, 'create succeeded');
      await fails(subject, ['state', failed.id]);
    },
  ),
  act(
    'config.md, POSIX-platform Hooks',
    'MUST',
    'a hook that takes longer than its timeout is ended',
    async (subject) => {
      const started = performance.now();
      const failed = await subject.create(sleeps, (config, { folder }) => {
        config.hooks = { createRuntime: [{ ...hook(folder, 'createRuntime', 'exec sleep 50'), timeout: 1 }] };
      });
      expect(failed.code !== 0, 'create succeeded');
      expect(performance.now() - started < 45_000, 'it was waited for');
    },
  ),
  act(
    'config.md, POSIX-platform Hooks',
    'MUST',
    'createContainer hooks run in the mount namespace before the root is changed',
    async (subject) => {
      const container = await subject.created(sleeps, (config, { folder, rootfs }) => {
        const script = `test -d ${rootfs}/proc/1 && test "$(readlink /proc/self/ns/uts)" = "$(readlink ${rootfs}/proc/1/ns/uts)"`;
        config.hooks = {
          createContainer: [
            {
              path: '/bin/sh',
              args: ['sh', '-c', `if ${script}; then echo yes; else echo no; fi >${folder}/hooks`],
              env: ['PATH=/usr/bin:/bin'],
            },
          ],
        };
      });
      equal(hookLog(container), 'yes\n', 'what it found');
    },
  ),
  act(
    'config.md, POSIX-platform Hooks',
    'MUST',
    'startContainer hooks run in the container, before the program',
    async (subject) => {
      const container = await subject.started(['read:/data/hooked'], (config) => {
        config.hooks = { startContainer: [{ path: '/bin/probe', args: ['probe', 'write:/data/hooked'] }] };
      });
      await subject.until(container.id, 'stopped');
      equal(container.said().value('read:/data/hooked'), 'x', 'the file');
    },
  ),
  act(
    'config.md, POSIX-platform Hooks',
    'habit',
    'behind hooks in the container the program ignores no signal',
    async (subject) => {
      const result = await subject.run(['read:/proc/self/status'], (config, { folder }) => {
        config.hooks = {
          createContainer: [hook(folder, 'createContainer')],
          startContainer: [{ path: '/bin/probe', args: ['probe', 'input'] }],
        };
      });
      equal(result.code, 0, `the code (${result.stderr.trim()})`);
      equal(statusLine(result, 'SigIgn'), '0000000000000000', 'SigIgn');
    },
  ),
  act(
    'config.md, POSIX-platform Hooks',
    'habit',
    'a startContainer hook, a program of the container, is held by what holds the program',
    async (subject) => {
      const hooked = async (change) => {
        let data;
        const { code, stderr } = await subject.run(['exit:0'], (config, { rootfs }) => {
          data = join(rootfs, 'data');
          chmodSync(data, 0o777);
          const args = ['probe', 'write:/data/hooked', 'mkdir:/data/made', 'mknod:/data/node'];
          config.hooks = { startContainer: [{ path: '/bin/probe', args }] };
          change(config);
        });
        equal(code, 0, `the code (${stderr.trim()})`);
        const owner = statSync(join(data, 'hooked')).uid;
        return ['made', 'node']
          .map((name) => existsSync(join(data, name)))
          .concat(owner)
          .join(' ');
      };
      const control = await hooked((config) => {
        for (const set of ['bounding', 'effective', 'permitted'])
          config.process.capabilities[set].push('CAP_MKNOD');
      });
      equal(control, 'true true 0', 'control: where the program might, what it made, and as whom');
      for (const noNewPrivileges of [true, false]) {
        const held = await hooked((config) => {
          config.process.noNewPrivileges = noNewPrivileges;
          config.process.user = { uid: 12, gid: 34 };
          config.linux.seccomp = {
            defaultAction: 'SCMP_ACT_ALLOW',
            syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 99 }],
          };
        });
        equal(held, 'false false 12', 'what it made, and as whom');
      }
    },
  ),
  act(
    'config.md, POSIX-platform Hooks',
    'MUST',
    'a program that exec runs is no start: startContainer hooks do not run again',
    async (subject) => {
      const { id, bundle } = await subject.started(sleeps, (config) => {
        config.hooks = { startContainer: [{ path: '/bin/probe', args: ['probe', 'write:/data/hooked'] }] };
      });
      const hooked = join(bundle, 'rootfs/data/hooked');
      await subject.until(id, 'running');
      expect(existsSync(hooked), 'the hook did not run at the start');
      rmSync(hooked);
      await subject.must(['exec', id, '/bin/probe', 'exit:0']);
      expect(!existsSync(hooked), 'the hook ran for exec');
    },
  ),
  ...['prestart', 'createRuntime', 'createContainer'].map((name) =>
    act(
      'runtime.md, Lifecycle',
      'MUST',
      `after a ${name} hook that failed poststop hooks run`,
      async (subject) => {
        let folder;
        const { code } = await subject.create(sleeps, (config, place) => {
          folder = place.folder;
          config.hooks = { [name]: [{ path: '/bin/false' }], poststop: [hook(folder, 'poststop')] };
        });
        expect(code !== 0, 'create succeeded');
        equal(names(hookLog({ bundle: folder })).join(' '), 'poststop', 'the hooks that ran');
      },
    ),
  ),
  act(
    'runtime.md, Lifecycle',
    'SHOULD',
    'a poststop hook that fails does not stop delete',
    async (subject) => {
      const container = await subject.started(['exit:0'], (config, { folder }) => {
        config.hooks = { poststop: [hook(folder, 'first', 'exit 1'), hook(folder, 'second')] };
      });
      await subject.until(container.id, 'stopped');
      await subject.call(['delete', container.id]);
      equal(names(hookLog(container)).join(' '), 'first second', 'the hooks that ran');
      let gone = false;
      try {
        await subject.state(container.id);
      } catch (error) {
        gone = error instanceof Failure;
      }
      expect(gone, 'the container is still there');
    },
  ),
];
