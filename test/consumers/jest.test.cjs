// A user's jest, as it comes: CommonJS, each test file with module instances of its own.
const { use } = require('./use.cjs');

test('netlace inside jest', () =>
  use({
    netlace: require('netlace'),
    testing: require('netlace/testing'),
    process: require('netlace/process'),
    mount: require('netlace/mount'),
    cgroup: require('netlace/cgroup'),
  }));
