// config-linux.md, Control groups: the limits. Where cgroup version 2 has the controller, the number is in the kernel's file and holds;
// where it has not, the limit must be an error and never skipped.
import { existsSync, readFileSync } from 'node:fs';
import { act } from './case.mjs';
import { equal, expect } from './subject.mjs';

const root = '/sys/fs/cgroup';

const has = (controller) =>
  readFileSync(`${root}/cgroup.controllers`, 'utf8').trim().split(' ').includes(controller);

/** The container with these limits: its cgroup is given to `test`, or its creation has to fail. */
async function limited(subject, controller, resources, ops, test) {
  const result = await subject.create(ops, (config) => {
    subject.inCgroup(config);
    config.linux.resources = resources;
  });
  if (!has(controller)) {
    expect(result.code !== 0, `the ${controller} controller is missing, and the limit was skipped`);
    expect(result.stderr.trim() !== '', 'without a word');
    return;
  }
  expect(result.code === 0, `create ended with ${result.code}: ${result.stderr.trim()}`);
  await test(`${root}/${subject.cgroup}`, result);
}

const written = (section, title, controller, resources, files) =>
  act(`config-linux.md, ${section}`, 'MUST', title, (subject) =>
    limited(subject, controller, resources, ['sleep:100000'], (cgroup) => {
      for (const [file, wanted] of Object.entries(files))
        equal(readFileSync(`${cgroup}/${file}`, 'utf8').trim(), wanted, file);
    }),
  );

const MiB = 1048576;

/** The block devices of this machine; limits are per device. */
const disks = () =>
  readFileSync('/proc/partitions', 'utf8')
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , name]) => existsSync(`/sys/block/${name}`) && !/^(loop|ram|zram)/.test(name))
    .map(([major, minor]) => ({ major: Number(major), minor: Number(minor) }));

export const resources = [
  written(
    'Memory',
    'limit and swap',
    'memory',
    { memory: { limit: 64 * MiB, swap: 96 * MiB } },
    {
      'memory.max': String(64 * MiB),
      'memory.swap.max': String(32 * MiB),
    },
  ),
  written(
    'Memory',
    'swap of -1 is no limit of it',
    'memory',
    { memory: { limit: 64 * MiB, swap: -1 } },
    {
      'memory.max': String(64 * MiB),
      'memory.swap.max': 'max',
    },
  ),
  written(
    'Memory',
    'reservation',
    'memory',
    { memory: { reservation: 32 * MiB } },
    {
      'memory.low': String(32 * MiB),
    },
  ),
  act('config-linux.md, Memory', 'MUST', 'the memory limit is held', (subject) =>
    limited(
      subject,
      'memory',
      { memory: { limit: 24 * MiB, swap: 24 * MiB } },
      ['memory:4', 'memory:64', 'exit:0'],
      async (_cgroup, container) => {
        await subject.must(['start', container.id]);
        await subject.until(container.id, 'stopped');
        const answers = container.said();
        equal(answers.value('memory:4'), 'exit 0', 'what fits');
        equal(answers.value('memory:64'), 'signal 9', 'what does not');
      },
    ),
  ),
  act('config-linux.md, Memory', 'MUST', 'checkBeforeUpdate', (subject) =>
    limited(subject, 'memory', { memory: { limit: 64 * MiB } }, ['sleep:100000'], async (cgroup, { id }) => {
      await subject.must(['start', id]);
      const change = { memory: { limit: 4096, checkBeforeUpdate: true } };
      const result = await subject.call(['update', '--resources', '-', id], {
        input: JSON.stringify(change),
      });
      expect(result.code !== 0, 'a limit below what is in use was set');
      equal(readFileSync(`${cgroup}/memory.max`, 'utf8').trim(), String(64 * MiB), 'memory.max');
    }),
  ),
  written(
    'CPU',
    'quota and period',
    'cpu',
    { cpu: { quota: 20000, period: 50000 } },
    { 'cpu.max': '20000 50000' },
  ),
  written(
    'CPU',
    'burst',
    'cpu',
    { cpu: { quota: 20000, period: 50000, burst: 1000 } },
    { 'cpu.max.burst': '1000' },
  ),
  written('CPU', 'idle', 'cpu', { cpu: { idle: 1 } }, { 'cpu.idle': '1' }),
  act('config-linux.md, CPU', 'MUST', 'shares', (subject) =>
    limited(subject, 'cpu', { cpu: { shares: 2048 } }, ['sleep:100000'], (cgroup) => {
      // Between the scales of both versions there is more than one line; above the usual share it has to be in each.
      const weight = Number(readFileSync(`${cgroup}/cpu.weight`, 'utf8'));
      expect(weight > 39 && weight < 300, `cpu.weight is ${weight}`);
    }),
  ),
  written(
    'CPU',
    'cpus and mems',
    'cpuset',
    { cpu: { cpus: '0', mems: '0' } },
    {
      'cpuset.cpus': '0',
      'cpuset.mems': '0',
    },
  ),
  written('PIDs', 'limit', 'pids', { pids: { limit: 10 } }, { 'pids.max': '10' }),
  act('config-linux.md, PIDs', 'MUST', 'a limit of -1 is none', async (subject) => {
    await subject.created(['sleep:100000'], (config) => {
      subject.inCgroup(config);
      config.linux.resources = { pids: { limit: -1 } };
    });
    const file = `${root}/${subject.cgroup}/pids.max`;
    if (existsSync(file)) equal(readFileSync(file, 'utf8').trim(), 'max', 'pids.max');
  }),
  act('config-linux.md, PIDs', 'MUST', 'the limit of processes is held', (subject) =>
    limited(subject, 'pids', { pids: { limit: 8 } }, ['forks:30', 'exit:0'], async (_cgroup, container) => {
      await subject.must(['start', container.id]);
      await subject.until(container.id, 'stopped');
      const [made, why] = container.said().value('forks:30').split(' ');
      expect(Number(made) < 8, `${made} processes were made`);
      equal(why, 'EAGAIN', 'why no more');
    }),
  ),
  act('config-linux.md, Block IO', 'MUST', 'weight', (subject) =>
    limited(subject, 'io', { blockIO: { weight: 500 } }, ['sleep:100000'], (cgroup) => {
      const file = ['io.bfq.weight', 'io.weight'].find((name) => existsSync(`${cgroup}/${name}`));
      expect(file, 'this kernel has no weights');
      const found = readFileSync(`${cgroup}/${file}`, 'utf8');
      expect(/default (500|4950|4951|5000)\b/.test(found), `${file} is ${found.trim()}`);
    }),
  ),
  ...[
    ['throttleReadBpsDevice', 'rbps'],
    ['throttleWriteBpsDevice', 'wbps'],
    ['throttleReadIOPSDevice', 'riops'],
    ['throttleWriteIOPSDevice', 'wiops'],
  ].map(([field, key]) =>
    act('config-linux.md, Block IO', 'MUST', field, (subject) => {
      const device = disks()[0] ?? { major: 259, minor: 0 };
      return limited(
        subject,
        'io',
        { blockIO: { [field]: [{ ...device, rate: 1048576 }] } },
        ['sleep:100000'],
        (cgroup) => {
          const found = readFileSync(`${cgroup}/io.max`, 'utf8');
          expect(
            found.includes(`${device.major}:${device.minor} `) && found.includes(`${key}=1048576`),
            `io.max is ${found}`,
          );
        },
      );
    }),
  ),
  act('config-linux.md, Huge page limits', 'MUST', 'hugepageLimits', (subject) =>
    limited(
      subject,
      'hugetlb',
      { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MiB }] },
      ['sleep:100000'],
      (cgroup) =>
        equal(readFileSync(`${cgroup}/hugetlb.2MB.max`, 'utf8').trim(), String(4 * MiB), 'hugetlb.2MB.max'),
    ),
  ),
  act(
    'config-linux.md, RDMA',
    'MUST',
    'rdma of a device that is not there is an error, not skipped',
    async (subject) => {
      const result = await subject.create(['exit:0'], (config) => {
        config.linux.resources = { rdma: { nonesuch_0: { hcaHandles: 3 } } };
      });
      expect(result.code !== 0, 'the limit was skipped');
    },
  ),
  written(
    'Unified',
    'unified',
    'memory',
    { unified: { 'memory.high': String(48 * MiB) } },
    {
      'memory.high': String(48 * MiB),
    },
  ),
  written(
    'Unified',
    'a unified value of several lines is written line by line',
    'hugetlb',
    { unified: { 'hugetlb.2MB.max': `${2 * MiB}\n${4 * MiB}\n` } },
    { 'hugetlb.2MB.max': String(4 * MiB) },
  ),
  act('config-linux.md, Unified', 'MUST', 'io.max of several devices, a line for each', (subject) => {
    const devices = disks().slice(0, 2);
    if (!devices.length) devices.push({ major: 259, minor: 0 });
    const lines = devices.map(({ major, minor }) => `${major}:${minor} riops=333 wiops=444`);
    return limited(subject, 'io', { unified: { 'io.max': lines.join('\n') } }, ['sleep:100000'], (cgroup) => {
      const found = readFileSync(`${cgroup}/io.max`, 'utf8');
      for (const { major, minor } of devices)
        expect(new RegExp(`^${major}:${minor} .*riops=333 wiops=444`, 'm').test(found), `io.max is ${found}`);
    });
  }),
  act(
    'config-linux.md, Memory',
    'MUST',
    'swappiness, which version 2 does not have, is refused',
    async (subject) => {
      const { code } = await subject.create(['exit:0'], (config) => {
        config.linux.resources = { memory: { swappiness: 10 } };
      });
      expect(code !== 0, 'it was passed over');
    },
  ),
  act(
    'config-linux.md, Network',
    'MUST',
    'classID, which version 2 does not have, is refused',
    async (subject) => {
      const { code } = await subject.create(['exit:0'], (config) => {
        config.linux.resources = { network: { classID: 1048577 } };
      });
      expect(code !== 0, 'it was passed over');
    },
  ),
  act('command line', 'habit', 'update --memory -1 takes the limit on swap away, too', (subject) =>
    limited(
      subject,
      'memory',
      { memory: { limit: 64 * MiB, swap: 96 * MiB } },
      ['sleep:100000'],
      async (cgroup, { id }) => {
        await subject.must(['start', id]);
        await subject.must(['update', '--memory', '-1', id]);
        for (const file of ['memory.max', 'memory.swap.max'])
          equal(readFileSync(`${cgroup}/${file}`, 'utf8').trim(), 'max', file);
      },
    ),
  ),
  act('command line', 'habit', 'update changes the limits of a running container', (subject) =>
    limited(subject, 'memory', { memory: { limit: 64 * MiB } }, ['sleep:100000'], async (cgroup, { id }) => {
      await subject.must(['start', id]);
      await subject.must(['update', '--memory', String(80 * MiB), id]);
      equal(readFileSync(`${cgroup}/memory.max`, 'utf8').trim(), String(80 * MiB), 'memory.max by option');
      await subject.must(['update', '--resources', '-', id], {
        input: JSON.stringify({
          memory: { limit: 96 * MiB },
          pids: { limit: 20 },
          cpu: { quota: 30000, period: 60000 },
        }),
      });
      equal(readFileSync(`${cgroup}/memory.max`, 'utf8').trim(), String(96 * MiB), 'memory.max');
      equal(readFileSync(`${cgroup}/pids.max`, 'utf8').trim(), '20', 'pids.max');
      equal(readFileSync(`${cgroup}/cpu.max`, 'utf8').trim(), '30000 60000', 'cpu.max');
    }),
  ),
  act('command line', 'habit', 'events --stats has the numbers of the controllers', (subject) =>
    limited(subject, 'memory', { memory: { limit: 64 * MiB } }, ['sleep:100000'], async (_cgroup, { id }) => {
      await subject.must(['start', id]);
      const { data } = JSON.parse((await subject.must(['events', '--stats', id])).stdout);
      equal(data.memory.usage.limit, 64 * MiB, 'memory.usage.limit');
      expect(data.memory.usage.usage > 0, 'memory.usage.usage');
      equal(data.pids.current, 1, 'pids.current');
    }),
  ),
  act('command line', 'habit', 'events tells of a process that was ended for want of memory', (subject) =>
    limited(
      subject,
      'memory',
      { memory: { limit: 24 * MiB, swap: 24 * MiB } },
      ['memory:64', 'exit:0'],
      (_cgroup, { id }) =>
        subject.withEvents(id, async ({ until, ended }) => {
          await until('stats', 1);
          await subject.must(['start', id]);
          await until('oom', 1);
          equal(await ended, 0, 'the code at the end of the container');
        }),
    ),
  ),
];
