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
