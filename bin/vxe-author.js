#!/usr/bin/env node
// The authoring side of vxe. The native program hands over every verb that is not a launch verb.
import { main } from '../build/ts/src/commands/support/main.js';

await main(process.argv.slice(2));
