export { bufferBytes, openBytes, type RandomBytes } from './bytes.js';
export { importsIn } from './imports.js';
export { ElfError, type ElfFile, isElf, type Machine, parseElf } from './parse.js';
