// A CommonJS module that uses the installed package, on a Node.js that cannot `require` ES modules too.
const { use } = require('./use.cjs');

use({
  netlace: require('netlace'),
  testing: require('netlace/testing'),
  process: require('netlace/process'),
  mount: require('netlace/mount'),
  cgroup: require('netlace/cgroup'),
});
