// config-linux.md, Seccomp: the filter's flags and the agent that answers its notifications.
import { join } from 'node:path';
import { act, answers, ask, refused, statusLine } from './case.mjs';
import { equal, expect } from './subject.mjs';

const id = 'config-linux.md, Seccomp';
const architectures = [process.arch === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64'];
const filter = (fields) => (config) => {
  config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', architectures, ...fields };
};
const notified = (fields) =>
  filter({ syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }], ...fields });

const withAgent = (subject, test) => subject.withPeer('agent', test);

const stateOf = (text) => JSON.parse(text.slice(text.indexOf('{'), text.indexOf('\ndescriptors')));

export const seccomp = [
  ...['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_TSYNC'].map((flag) =>
    ask(
      id,
      'MUST',
      `the flag ${flag}`,
      ['mkdir:/data/x', 'read:/proc/self/status'],
      filter({ flags: [flag], syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }] }),
      (result) => {
        equal(result.refused('mkdir:/data/x'), 'EPERM', 'the refusal');
        equal(statusLine(result, 'Seccomp'), '2', 'the mode');
      },
    ),
  ),
  refused(
    id,
    'MUST',
    'a flag that nobody knows is refused',
    filter({ flags: ['SECCOMP_FILTER_FLAG_NONESUCH'] }),
  ),
  refused(
    id,
    'MUST',
    'listenerMetadata without listenerPath is refused',
    filter({ listenerMetadata: 'words', syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }] }),
  ),
  answers(
    id,
    'MUST',
    'listenerPath without an action that notifies is passed over',
    'mkdir:/data/x',
    filter({ listenerPath: '/nowhere/agent', syscalls: [{ names: ['chroot'], action: 'SCMP_ACT_ERRNO' }] }),
    '',
  ),
  act(id, 'MUST', 'an agent that is not there is an error', async (subject) => {
    const { code } = await subject.run(
      ['exit:0'],
      notified({ listenerPath: join(subject.folder, 'no-agent') }),
    );
    expect(code !== 0, 'it ran without its agent');
  }),
  act(id, 'MUST', 'the agent gets the container process state and the descriptor, and answers', (subject) =>
    withAgent(subject, async (listenerPath, text, until) => {
      const result = await subject.run(
        ['mkdir:/data/x', 'exit:0'],
        notified({ listenerPath, listenerMetadata: 'some words' }),
      );
      equal(result.code, 0, 'the exit code');
      equal(result.refused('mkdir:/data/x'), 'EACCES', "the agent's answer");
      await until(() => text().includes('call'));
      const state = stateOf(text());
      expect(/^\d+\.\d+\.\d+/.test(state.ociVersion), 'ociVersion is missing');
      equal(JSON.stringify(state.fds), '["seccompFd"]', 'fds');
      expect(text().includes('descriptors 1'), 'another number of descriptors');
      expect(text().includes('closed'), 'the connection was left open');
      expect(state.pid > 0, `pid is ${state.pid}`);
      equal(state.metadata, 'some words', 'metadata');
      equal(state.state.id, result.id, 'state.id');
      expect(state.state.bundle && state.state.status, 'state is not whole');
    }),
  ),
  act(id, 'MUST', 'so it does of a container that is created and started', (subject) =>
    withAgent(subject, async (listenerPath, text, until) => {
      const container = await subject.started(['mkdir:/data/x', 'exit:0'], notified({ listenerPath }));
      await subject.until(container.id, 'stopped');
      equal(container.said().refused('mkdir:/data/x'), 'EACCES', "the agent's answer");
      await until(() => text().includes('call'));
      equal(stateOf(text()).state.id, container.id, 'state.id');
    }),
  ),
  act(id, 'MUST', 'start of a container whose agent has gone is an error', async (subject) => {
    let container;
    await withAgent(subject, async (listenerPath) => {
      container = await subject.create(['sleep:100000'], notified({ listenerPath }));
    });
    // A runtime that hands the descriptor over when it creates has done so; then there is nothing to go wrong at start.
    if (container.code !== 0) return;
    const { code } = await subject.call(['start', container.id]);
    if (code !== 0) await subject.until(container.id, 'stopped');
  }),
];
