import type { Netns } from '../namespaces/index.js';
import type { Link, NewLink } from '../rtnetlink/index.js';
import { configure, INTERFACE, type InterfaceOptions } from './interface.js';
import { inNames } from './names.js';
import { make, type Operation } from './operation.js';

interface Creation {
  /** What the helper's argument is called. */
  readonly argument: string;
  /** The kind and attributes of the link. */
  readonly link: NewLink & { readonly name: string };
  /** Where the link's parent or underlay is: the namespace that the request is made in. */
  readonly from: Netns | undefined;
  readonly settings: InterfaceOptions;
  /** The options that only this helper has. */
  readonly own: readonly string[];
}

/** Creates one link, directly in the namespace it is for, and configures it there. */
export async function createLink(
  operation: Operation,
  { argument, link, from, settings, own }: Creation,
): Promise<Link> {
  const { clients } = operation;
  const { netns } = settings;
  const creator = await clients.in(from);
  const home = await clients.in(netns);
  await make(
    operation,
    () =>
      inNames(
        [
          [`link.data(${link.kind})`, `${argument}.data`],
          ['link', argument, [...INTERFACE, ...own]],
        ],
        creator.link.add(home === creator ? link : Object.assign({}, link, clients.place(netns))),
      ),
    () => home.link.delete(link.name),
  );
  const { index } = await home.link.get(link.name, operation.call);
  return configure(operation, home, index, argument, settings);
}
