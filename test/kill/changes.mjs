// changes.mjs NAME TEXT: changes the profile of a bundle (VXE_BUNDLES and so on) to the text in a file as `vxe upgrade` does, by a process that kill -9
// ends before the first of the calls that it writes by, then before the second, and so on to its end; each time what is left is looked at, and the change
// is made again. Prints what did not hold, and how many times it was killed.
import { spawnSync } from 'node:child_process';
import fs, { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WRITES = ['writeFileSync', 'renameSync', 'mkdirSync', 'rmSync', 'linkSync', 'symlinkSync'];
const built = join(dirname(fileURLToPath(import.meta.url)), '../../build/ts/src');
const [name, file, doomed] = process.argv.slice(2);

if (doomed !== undefined) {
  let left = Number(doomed);
  for (const call of WRITES) {
    const real = fs[call];
    fs[call] = (...args) => {
      if (left-- === 0) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    };
  }
  syncBuiltinESMExports();
}
const { changeProfile, finishChange } = await import(join(built, 'commands/support/change.js'));
const { hostSurroundings, placesOf, ProfileHistory, readManifest, storedProfile } = await import(
  join(built, 'bundle/index.js')
);
const { createHash } = await import('node:crypto');
const places = placesOf(hostSurroundings());
const next = readFileSync(file, 'utf8');
const change = () => changeProfile(name, next, places).apply('upgraded', ['a rule'], true);

if (doomed !== undefined) {
  change();
  process.exit(0);
}

const bundle = join(places.bundles, name);
const own = join(places.profiles[0], `${name}.vxed.yaml`);
const first = readFileSync(own, 'utf8');
const kept = `${bundle}.kept`;
cpSync(bundle, kept, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const wrong = [];
const must = (what, holds) => holds || wrong.push(what);

/** What a bundle must be at any moment: one of the two, whole. */
function look(when) {
  const text = readFileSync(storedProfile(bundle), 'utf8');
  must(`${when}: the profile is one of the two`, text === first || text === next);
  const { manifest } = readManifest(bundle);
  for (const [plan, sum] of Object.entries(manifest.plan))
    must(`${when}: ${plan} is as the manifest has it`, digest(readFileSync(join(bundle, plan))) === sum);
  must(
    `${when}: config.json goes with it`,
    readFileSync(join(bundle, 'config.json'), 'utf8').includes('"ociVersion"'),
  );
  must(`${when}: the mode stays`, readFileSync(join(bundle, 'vxe/mode'), 'utf8') === 'production\n');
  const source = readFileSync(own, 'utf8');
  must(`${when}: the own file is one of the two`, source === first || source === next);
  const texts = new ProfileHistory(places.history, name)
    .list()
    .map(({ version }) => new ProfileHistory(places.history, name).text(version));
  must(`${when}: no version that was never in place`, text === next || !texts.includes(next));
  return text;
}

let kills = 0;
for (let step = 0; ; step++) {
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), name, file, String(step)],
    { encoding: 'utf8' },
  );
  if (signal !== 'SIGKILL' && status !== 0) {
    wrong.push(`step ${step}: ${stderr}`);
    break;
  }
  if (signal === 'SIGKILL') kills++;
  // What is in place and not yet a version becomes one when it is next looked at.
  const text = look(`killed before write ${step}`);
  if (text === next) finishChange(name, places);
  else change();
  must(`made again after ${step}: the new profile is in place`, look(`made again after ${step}`) === next);
  const versions = new ProfileHistory(places.history, name).list().map(({ why }) => why);
  must(
    `made again after ${step}: two versions, not ${versions.join(', ')}`,
    versions.join() === 'as the bundle was made,upgraded',
  );
  must(`made again after ${step}: the own file says the same`, readFileSync(own, 'utf8') === next);
  for (const instance of existsSync(places.state) ? readdirSync(places.state) : [])
    must(
      `made again after ${step}: ${instance} goes by the new filter`,
      readFileSync(join(places.state, instance, 'filter')).equals(
        readFileSync(join(bundle, 'vxe/filter.bpf')),
      ),
    );
  const leftovers = [bundle, join(places.history, name)].flatMap((folder) =>
    readdirSync(folder).filter((each) => /^\.|\.new$|\.pending$/.test(each)),
  );
  must(`made again after ${step}: nothing is left over (${leftovers.join(', ')})`, leftovers.length === 0);
  rmSync(bundle, { recursive: true });
  rmSync(join(places.history, name), { recursive: true });
  cpSync(kept, bundle, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  fs.writeFileSync(own, first);
  for (const instance of existsSync(places.state) ? readdirSync(places.state) : [])
    rmSync(join(places.state, instance, 'filter'), { force: true });
  if (signal !== 'SIGKILL') break;
}
rmSync(kept, { recursive: true });
for (const each of wrong) console.log(`not so: ${each}`);
console.log(`killed ${kills} times`);
process.exitCode = wrong.length === 0 && kills > 20 ? 0 : 1;
