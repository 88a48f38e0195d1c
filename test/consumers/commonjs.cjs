// A CommonJS module that uses the installed package, on a Node.js that cannot `require` ES modules too.
const { use } = require('./use.cjs');

use(require('netlace'), require('netlace/testing'));
