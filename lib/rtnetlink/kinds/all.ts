export { veth } from './veth.js';
