import test from 'ava';
import fc, { type RunDetails } from 'fast-check';

/* Loaded before each file of tests: a random property that fails says from which seed, and VXE_SEED makes it fail again. */

/** Of a property that fails by an assertion of ava, ava prints the first failure alone: neither the seed nor the smallest example. */
function report<T>(details: RunDetails<T>): void {
  if (!details.failed) return;
  const file = new URL(test.meta.file).pathname.slice(process.cwd().length + 1);
  console.error(
    `VXE_SEED=${details.seed} npx ava ${file} fails again: ${fc.defaultReportMessage(details) ?? ''}`,
  );
  throw new Error(`VXE_SEED=${details.seed}: ${fc.defaultReportMessage(details) ?? ''}`, {
    cause: details.errorInstance,
  });
}

const { VXE_SEED: seed } = process.env;
fc.configureGlobal({
  reporter: report,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
});
