// npm's netlink 0.3.0: `node peer.js links|routes N REPS`.
import netlink from 'netlink';
const { createRtNetlink } = netlink;

const AF_INET = 2;
const [work, , reps] = process.argv.slice(2);
const socket = createRtNetlink();
const list = {
  links: () => socket.getLinks(),
  routes: () => socket.getRoutes({ family: AF_INET }),
}[work];
if (!list) throw new Error(`${work}: no such work`);

for (let rep = 0; rep < Number(reps); rep++) {
  const start = performance.now();
  const { length } = await list();
  console.log(JSON.stringify({ work, n: length, ms: performance.now() - start }));
}
socket.close?.();
process.exit();
