import { channel, subscribe, type Channel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';

/** What the kernel said although it did what was asked, in an extended ACK without an errno. */
export interface KernelWarning {
  /** The request's message type, such as `'RTM_NEWLINK'`. */
  readonly operation: string;
  /** The kernel's words. */
  readonly message: string;
}

/** Published on the diagnostics channel `netlace:warning`. */
export const warningChannel: Channel = channel('netlace:warning');

/** Published on `netlace:request` for every request, as `{ operation, value }`, before it is sent. */
export const requestChannel: Channel = channel('netlace:request');

// NODE_DEBUG=netlace is one more subscriber, no mechanism of its own.
const log = debuglog('netlace');
if (log.enabled) {
  subscribe(warningChannel.name, (message) => log('warning %j', message));
  subscribe(requestChannel.name, (message) => {
    log('request %O', message);
  });
}
