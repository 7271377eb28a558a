export default {
  files: ['build/ts/test/**/*.test.js'],
  require: ['./build/ts/test/reproducible.js'],
  // A machine can stand still for minutes; ava counts that as a hang of the files it is about to start.
  timeout: '15m',
  workerThreads: false,
};
