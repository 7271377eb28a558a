// The parts of a machine that do not depend on the working tree's build: a kernel with its modules, and a system with systemd.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, kept } from './cache.mjs';
import { command, NotFetched } from './command.mjs';
import { diskOf } from './disk.mjs';

const here = import.meta.dirname;

/** How long fetching may take in milliseconds, with all that mmdebstrap does then. */
const patience = 900_000;

/** apt for one folder: by the host's lists, or for a suite that the host does not use by lists of its own below the folder. */
async function aptFor(suite, folder) {
  const own = [];
  if (suite) {
    const sources = (await aptSources()).split('\n');
    const archive = sources.find((line) => !line.includes('-security'));
    if (!archive) throw new Error('apt knows no archive of Debian; run apt-get update');
    const [deb, key, uri] = archive.split(' ');
    for (const part of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'sources.list'), `${deb} ${key} ${uri} ${suite} main\n`);
    const options = {
      'Dir::Etc::sourcelist': join(folder, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::Cache': join(folder, 'cache'),
    };
    own.push(...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]));
  }
  // apt checks what it downloads against the archive's signature. Its own unprivileged user cannot write here.
  const fetching = ['-q', '-o', 'APT::Sandbox::User=root', ...own];
  return {
    depends: async (name) =>
      [
        ...(await command(['apt-cache', ...own, 'depends', '--important', name])).matchAll(
          /^\s*Depends: ([a-z]\S*)$/gm,
        ),
      ].map(([, found]) => found),
    update: (limit) => command(['apt-get', ...fetching, 'update'], { limit }),
    download: (names, limit) =>
      command(['apt-get', ...fetching, 'download', ...names], { cwd: folder, limit }),
  };
}

/** The packages that a meta package of a kernel stands for now: one, or the image, the modules and what belongs to both apart. */
async function kernelPackages(apt, meta) {
  const kernel = (await apt.depends(meta)).find((name) => /^linux-image-\d/.test(name));
  if (!kernel) throw new Error(`${meta} is not a package that apt knows as a kernel; run apt-get update`);
  const parts = (await apt.depends(kernel)).filter((name) => /^linux-(base|binary|modules)-\d/.test(name));
  return parts.length > 0 ? parts : [kernel];
}

/** Downloads a kernel's packages into the folder, by the lists that apt has; where those are too old or not there by newer ones. */
async function download({ package: meta, suite }, folder, limit) {
  const apt = await aptFor(suite, folder);
  const attempt = async () => apt.download(await kernelPackages(apt, meta), limit);
  if (suite) await apt.update(limit);
  try {
    await attempt();
  } catch (error) {
    if (suite || !(error instanceof NotFetched)) throw error;
    await apt.update(limit);
    await attempt();
  }
}

/**
 * Puts what a kernel's image holds in its place, where it is packed with zstd (6.12 and newer ones are): by itself it takes seconds to unpack where every instruction is
 * emulated, and qemu starts what it unpacks to as well.
 */
function unpackImage(file) {
  const image = readFileSync(file);
  const setup = ((image[0x1f1] || 4) + 1) * 512;
  const begin = setup + image.readUInt32LE(0x248);
  // Its last four bytes are the size of what is in it.
  const packed = image.subarray(begin, begin + image.readUInt32LE(0x24c) - 4);
  if (packed.length < 4 || packed.readUInt32LE(0) !== 0xfd2fb528) return;
  writeFileSync(`${file}.zst`, packed);
  const unpacked = spawnSync('zstd', ['-qdf', `${file}.zst`, '-o', `${file}.unpacked`]);
  rmSync(`${file}.zst`);
  // Without zstd the image as it is does too.
  if (unpacked.status === 0) renameSync(`${file}.unpacked`, file);
}

/** {vmlinuz, modules}: a kernel's image and a disk of its modules. The packages are unpacked, and never installed on this host. */
export async function kernel(name, { package: meta, suite }, limit = patience) {
  const folder = await kept(`kernel-${name}`, { meta, suite, layout: 3 }, async (made) => {
    console.log(`# downloading the kernel ${name}`);
    const work = join(made, 'work');
    mkdirSync(join(work, 'root'), { recursive: true });
    await download({ package: meta, suite }, work, limit);
    for (const deb of readdirSync(work).filter((file) => file.endsWith('.deb')))
      await command(['dpkg-deb', '-x', join(work, deb), join(work, 'root')]);
    // Newer packages have it below /usr.
    const base = ['root/usr', 'root']
      .map((folder) => join(work, folder))
      .find((folder) => existsSync(join(folder, 'lib/modules')));
    if (!base)
      throw new Error(`the kernel ${name} came without modules: its packages are named otherwise now`);
    const modules = join(base, 'lib/modules');
    const release = readdirSync(modules)[0];
    await command(['depmod', '-b', base, release]);
    await diskOf('modules', modules, join(made, 'modules.img'), 192);
    const image = [join(work, `root/boot/vmlinuz-${release}`), join(modules, release, 'vmlinuz')].find(
      existsSync,
    );
    if (!image)
      throw new Error(`the kernel ${name} came without its image: its packages are named otherwise now`);
    renameSync(image, join(made, 'vmlinuz'));
    unpackImage(join(made, 'vmlinuz'));
    writeFileSync(join(made, 'release'), `${release}\n`);
    rmSync(work, { recursive: true });
  });
  return {
    vmlinuz: join(folder, 'vmlinuz'),
    modules: join(folder, 'modules.img'),
    release: readFileSync(join(folder, 'release'), 'utf8').trim(),
  };
}

/** Debian's archives as this host's apt has them. */
async function aptSources() {
  const lines = await command([
    'apt-get',
    'indextargets',
    '--format',
    '$(ORIGIN)|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const sources = lines
    .split('\n')
    .filter((line) => line.startsWith('Debian|'))
    .map((line) => line.slice('Debian|'.length));
  if (sources.length === 0) throw new Error('apt knows no archive of Debian; run apt-get update');
  return `${[...new Set(sources)].join('\n')}\n`;
}

/** What is put into the image beside packages: path in the image -> file here, with its mode. */
const ours = {
  'etc/fstab': 'fstab',
  'etc/systemd/system/vxe-vm-test.service': 'vxe-vm-test.service',
  'etc/systemd/system/vxe-vm-shell.service': 'vxe-vm-shell.service',
};

/** Units that take time and do nothing for a machine that lives for a minute. */
const masked = [
  'getty@tty1.service',
  'serial-getty@ttyS0.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'systemd-update-utmp.service',
  'systemd-random-seed.service',
];

function finish(root) {
  for (const [path, file] of Object.entries(ours)) {
    copyFileSync(join(here, 'image', file), join(root, path));
    chmodSync(join(root, path), 0o644);
  }
  const wants = join(root, 'etc/systemd/system/multi-user.target.wants');
  mkdirSync(wants, { recursive: true });
  for (const unit of ['vxe-vm-test.service', 'vxe-vm-shell.service'])
    symlinkSync(`/etc/systemd/system/${unit}`, join(wants, unit));
  for (const unit of masked) {
    rmSync(join(root, 'etc/systemd/system', unit), { force: true });
    symlinkSync('/dev/null', join(root, 'etc/systemd/system', unit));
  }
  // Engines are started by the test that is about them.
  for (const unit of [
    'docker.service',
    'docker.socket',
    'containerd.service',
    'podman.service',
    'podman.socket',
  ])
    for (const target of ['multi-user.target.wants', 'sockets.target.wants', 'default.target.wants'])
      rmSync(join(root, 'etc/systemd/system', target, unit), { force: true });
  mkdirSync(join(root, 'usr/lib/modules'), { recursive: true });
  writeFileSync(join(root, 'etc/hostname'), 'vxe-vm\n');
}

/** The disk of a system with systemd in it; `name` is that of its description in machines.json. */
export async function systemImage(name, description, limit = patience) {
  const files = Object.fromEntries(
    Object.values(ours).map((file) => [file, readFileSync(join(here, 'image', file), 'utf8')]),
  );
  const folder = await kept(
    `image-${name}`,
    { description, files, masked, ours, layout: 3 },
    async (made) => {
      console.log(`# making the image ${name} (a minute or two, once)`);
      const root = join(made, 'root');
      const packages = join(cacheFolder(), 'packages');
      mkdirSync(packages, { recursive: true });
      const left = (path) => `--dpkgopt=path-exclude=/usr/share/${path}/*`;
      await command(
        [
          'mmdebstrap',
          '--mode=root',
          '--variant=minbase',
          `--include=${description.packages.join(',')}`,
          left('doc'),
          left('man'),
          left('locale'),
          // Packages that were downloaded for an earlier image serve this one.
          '--skip=download/empty',
          '--skip=essential/unlink',
          '--setup-hook=mkdir -p "$1"/var/cache/apt/archives',
          `--setup-hook=sync-in '${packages}' /var/cache/apt/archives`,
          `--customize-hook=sync-out /var/cache/apt/archives '${packages}'`,
          '--format=directory',
          description.suite,
          root,
          '-',
        ],
        { input: await aptSources(), limit },
      );
      finish(root);
      await diskOf('system', root, join(made, 'system.img'), description.mebibytes);
      rmSync(root, { recursive: true });
    },
  );
  const file = join(folder, 'system.img');
  if (!existsSync(file)) throw new Error(`${file} is missing; remove ${folder}, and it is made again`);
  return file;
}
