// A user's jest, as it comes: CommonJS, each test file with module instances of its own.
const { use } = require('./use.cjs');

test('netlace inside jest', () => use(require('netlace'), require('netlace/testing')));
