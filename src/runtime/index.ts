export { type Instance, runningInstance } from './instances.js';
export { type NativeProgram, nativeProgram } from './programs.js';
