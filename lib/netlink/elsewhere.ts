import { addon } from '../native/load.js';
import { Connection } from './connection.js';
import { NETLINK_ROUTE } from './constants.js';
import { KernelSource, type NetnsDescriptor } from './kernel.js';
import type { Request } from './request.js';
import { call, type Steps } from './runner.js';
import { orThrow } from './system-call.js';

/** Another network namespace than the client's: by descriptor, or by a process in it. */
export type Place = NetnsDescriptor | { readonly pid: number };

/** The answer to a request that is made in another namespace, over a socket for it alone. */
export function* elsewhere<T>(place: Place, request: Request<T>): Steps<T> {
  return yield* call({
    async: async () => {
      const source = sourceIn(place);
      try {
        const connection = new Connection(source, await source.open());
        try {
          return await connection.request(request);
        } finally {
          connection.close();
        }
      } finally {
        source.close();
      }
    },
    sync: () => {
      const source = sourceIn(place);
      try {
        const connection = new Connection(source, source.openSync());
        try {
          return connection.requestSync(request);
        } finally {
          connection.close();
        }
      } finally {
        source.close();
      }
    },
  });
}

function sourceIn(place: Place): KernelSource {
  // Not the handle itself: the socket that is kept for its first client is not for this.
  if ('fd' in place) return new KernelSource(NETLINK_ROUTE, { fd: place.fd });
  const path = `/proc/${place.pid}/ns/net`;
  const opened = orThrow(addon.sync.open(path, 0), path);
  try {
    return new KernelSource(NETLINK_ROUTE, opened);
  } finally {
    opened.close();
  }
}
