export { bridge } from './bridge.js';
