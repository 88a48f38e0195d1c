import type { Netns } from '../namespaces/index.js';
import type { Link, LinkRef, NewLink } from '../rtnetlink/index.js';
import { apart, configure, INTERFACE, type InterfaceOptions } from './interface.js';
import { inNames, type Names } from './names.js';
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
  const { netns, master } = settings;
  const { first, rest } = apart(argument, link, master);
  const creator = await clients.in(from);
  const home = await clients.in(netns);
  const names: Names = [
    [`link.data(${link.kind})`, `${argument}.data`],
    ['link', argument, [...INTERFACE, ...own]],
  ];
  let made: LinkRef = link.name;
  await make(
    operation,
    async () => {
      if (home !== creator) return inNames(names, creator.link.add(Object.assign({}, first, clients.place(netns))));
      const echo = await inNames(names, creator.link.addWithEcho(first));
      made = echo?.index ?? made;
    },
    () => home.link.delete(made),
  );
  const index = typeof made === 'number' ? made : (await home.link.get(made, operation.call)).index;
  made = index;
  return configure(operation, home, index, argument, settings, rest);
}
