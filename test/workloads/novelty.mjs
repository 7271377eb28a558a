// How new the next run is, of daemons under random clients: records RUNS runs of each and writes what each run showed beyond what all did to
// test/learning/novelty.json, which test/learning/novelty.test.ts holds the estimate against.
//   node test/workloads/novelty.mjs [RUNS]
import { spawnSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { featuresOf, readRecording } from '../../build/ts/src/learning/index.js';

const runs = Number(process.argv[2] ?? 40);
const folder = mkdtempSync(join(tmpdir(), 'vxe-novelty-'));
const daemons = {};
try {
  for (const name of ['popd', 'nginx', 'redis']) {
    console.error(`novelty: ${runs} runs of ${name}`);
    const out = join(folder, name);
    const made = spawnSync('bash', ['test/workloads/novelty.sh', name, String(runs), out], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (made.status !== 0) throw new Error(`${name} was not recorded`);
    daemons[name] = await shown(out);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync('test/learning/novelty.json', `${JSON.stringify(daemons, null, 1)}\n`);

/** By run the numbers of what it showed; what every run shows tells them apart in nothing. */
async function shown(out) {
  const features = [];
  for (let run = 1; run <= runs; run++) {
    const file = join(out, `${run}.ndjson`);
    const recording = await readRecording(file, createInterface({ input: createReadStream(file) }));
    if (!recording.ok) throw new Error(recording.diagnostics.map(({ message }) => message).join());
    features.push(featuresOf(recording.value));
  }
  const all = [...new Set(features.flatMap((each) => [...each]))].sort();
  const some = all.filter((feature) => !features.every((each) => each.has(feature)));
  return features.map((each) =>
    some.flatMap((feature, number) => (each.has(feature) ? [number] : [])).join(' '),
  );
}
