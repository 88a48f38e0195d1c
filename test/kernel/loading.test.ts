/** What the build loads with the package, and what only when it is used: loading all takes a third longer. */
import { expect } from '@jest/globals';
import { noBuild, tell } from '../support/program.js';
import { testUnless } from '../support/skip.js';

testUnless(noBuild, 'what not every program uses is loaded by the first use', () => {
  const told = tell(`
    const { basename } = require('node:path');
    const late = ['addressing', 'neighbouring', 'routing', 'sockets', 'surveying'].map((name) => name + '.js');
    const seen = new Set();
    const newlyLoaded = () => {
      const found = Object.keys(require.cache).map((path) => basename(path)).filter((name) => late.includes(name) && !seen.has(name));
      for (const name of found) seen.add(name);
      return found;
    };
    told.package = newlyLoaded();
    const netns = netlace.Netns.current();
    const client = netlace.Rtnetlink.openSync();
    client.sync.link.list();
    client.watch(['link']).close();
    netlace.requests.listLinks();
    told.links = newlyLoaded();
    client.sync.address.list();
    told.addresses = newlyLoaded();
    netlace.requests.newRoute('add', { to: 'default', via: '10.1.0.1' });
    told.requests = newlyLoaded();
    client.sync.route.list();
    told.routes = newlyLoaded();
    const watch = client.watch(['neighbour']);
    for (let event = await watch.next(); event.value.type !== 'synced'; event = await watch.next());
    watch.close();
    told.watch = newlyLoaded();
    client.fdb;
    told.fdb = newlyLoaded();
    client.close();
    netns.agent().destroy();
    told.agent = newlyLoaded();
    netns.close();
    await netlace.listNamespaces({ types: ['uts'] });
    told.list = newlyLoaded();`);
  expect(told).toEqual({
    package: [],
    links: [],
    addresses: ['addressing.js'],
    requests: ['routing.js'],
    routes: [],
    watch: ['neighbouring.js'],
    fdb: [],
    agent: ['sockets.js'],
    list: ['surveying.js'],
  });
});
