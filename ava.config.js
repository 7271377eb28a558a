export default {
  files: ['build/ts/test/**/*.test.js'],
  timeout: '2m',
  workerThreads: false,
};
