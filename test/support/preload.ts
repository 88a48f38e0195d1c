/**
 * Before each file of tests. What `npm run test:sanitize` preloads is for Node.js alone: other programs have not been
 * built for it, and it takes more memory than limits allow them. Those that are Node.js get it back: `nodeEnvironment`.
 */
delete process.env['LD_PRELOAD'];
