/** `netlace/testing`: a kernel whose answers are scripted. Open a client over it with `Rtnetlink.over(kernel)`. */
export { FakeKernel, type FakeKernelOptions, type Handler, type Reaction } from './testing/fake-kernel.js';
export { type FakeRequest } from './testing/fake-request.js';
export {
  ack,
  datagram,
  done,
  encodeBody,
  encodeMessage,
  interrupted,
  overrun,
  raw,
  refuse,
  reply,
  silence,
  type AckDetails,
  type Answer,
  type MessageParts,
} from './testing/answers.js';

// What messages consist of: to read requests and to write replies with.
export * from './rtnetlink/constants.js';
export { addressAttrs } from './rtnetlink/address-attrs.js';
export { linkAttrs } from './rtnetlink/link-attrs.js';
export { fdbAttrs, neighbourAttrs } from './rtnetlink/neighbour-attrs.js';
export { routeAttrs } from './rtnetlink/route-attrs.js';
