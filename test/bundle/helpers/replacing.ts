import fs from 'node:fs';
import { exchangeFolders } from '../../../src/native/index.js';
import { replaceMadeUp } from './made-up-plans.js';
import { watched } from './watched.js';

/*
 * replacing.js BUNDLE STEP LAST: puts other plans into the bundle; before STEP it says so, and waits for a word, and before LAST it is killed. With no
 * such steps it ends, and has said how many there are.
 */
const [bundle = '', at, last] = process.argv.slice(2);
const steps = watched(
  (step) => {
    if (step === Number(at)) {
      fs.writeSync(1, 'waiting\n');
      fs.readSync(0, Buffer.alloc(1));
    }
    if (step === Number(last)) process.kill(process.pid, 'SIGKILL');
    return false;
  },
  (exchange) => replaceMadeUp(bundle, exchange),
  exchangeFolders,
);
fs.writeSync(1, `steps ${steps}\n`);
