/** Events: what they are about follows from what is watched. */
import { watchAll, type Address, type Link, type Route, type Rtnetlink, type WatchEvent } from 'netlace';

declare const rt: Rtnetlink;

export async function watching() {
  for await (const event of rt.watch(['link', 'address'])) {
    if (event.type === 'synced' || event.type === 'overrun') {
      // @ts-expect-error -- about no object
      event.value;
      continue;
    }
    event.type satisfies 'existing' | 'new' | 'deleted';
    if (event.object === 'link') {
      event.value satisfies Link;
      if (event.value.kind === 'bridge') event.value.data?.forwardDelay satisfies number | undefined;
    } else {
      event.object satisfies 'address';
      event.value satisfies Address;
    }
    // @ts-expect-error -- not watched
    if (event.object === 'route') return;
  }
  for await (const event of rt.watch(['route'])) {
    if (event.type === 'new') event.value satisfies Route;
    // @ts-expect-error -- no such event
    if (event.type === 'changed') return;
  }
  // @ts-expect-error -- no such object
  rt.watch(['rule']);
  // @ts-expect-error -- a list
  rt.watch('link');
  await using watch = rt.watch(['fdb', 'neighbour'], { signal: AbortSignal.timeout(100), persistent: false });
  watch.close();
}

/** Handlers for any event take those of any watch. */
export async function handled(handle: (event: WatchEvent) => void) {
  for await (const event of rt.watch(['link'])) handle(event);
  for await (const event of rt.watch(['route', 'fdb'])) handle(event);
}

export async function together(clients: readonly Rtnetlink[]) {
  for await (const [client, event] of watchAll(clients, ['link'])) {
    client satisfies Rtnetlink;
    if (event.type === 'new') event.value satisfies Link;
    // @ts-expect-error -- not watched
    if (event.object === 'address') return;
  }
}
