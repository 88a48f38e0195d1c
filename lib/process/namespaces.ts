import { ArgumentError } from '../errors.js';
import type { Descriptor } from '../native/addon.js';
import { addon } from '../native/load.js';
import { flagOf, NAMESPACE_TYPES, type NamespaceType } from '../namespace-types.js';
import { orThrow } from '../netlink/system-call.js';
import { checkKeys, checkPid, isDescriptor } from '../options.js';

/**
 * A namespace to be in: a new one; one that there is, by anything with its descriptor, such as a `Netns`; or that of a process, by
 * its number or a descriptor from pidfd_open(2), which takes the right to trace it. `'inherit'` is the default.
 */
export type NamespaceChoice =
  'new' | 'inherit' | { readonly fd: number } | { readonly pid: number } | { readonly pidfd: number };

/** setns(2) takes either: a namespace, or a process that is in it. */
export interface Join<Place> {
  readonly kind: NamespaceType;
  readonly place: Place;
}

export interface Namespaces {
  /** The new ones, as CLONE_NEW* flags. */
  readonly created: number;
  readonly isNew: (kind: NamespaceType) => boolean;
  readonly joined: readonly Join<{ readonly fd: number } | { readonly pid: number }>[];
}

export function checkNamespaces(choices: Readonly<Partial<Record<NamespaceType, NamespaceChoice>>> = {}): Namespaces {
  choices = checkKeys('options.namespaces', choices, NAMESPACE_TYPES);
  let created = 0;
  const joined: Join<{ readonly fd: number } | { readonly pid: number }>[] = [];
  for (const kind of Object.keys(choices) as NamespaceType[]) {
    const choice = choices[kind];
    if (choice === undefined || choice === 'inherit') continue;
    if (choice === 'new') created += flagOf(kind);
    else joined.push({ kind, place: checkPlace(`options.namespaces.${kind}`, choice) });
  }
  const isNew = (kind: NamespaceType) => (created & flagOf(kind)) !== 0;
  return { created, isNew, joined };
}

function checkPlace(argument: string, choice: unknown): { readonly fd: number } | { readonly pid: number } {
  const { fd, pid, pidfd } = (typeof choice === 'object' ? (choice ?? {}) : {}) as Record<string, unknown>;
  const descriptor = fd ?? pidfd;
  if (isDescriptor(descriptor)) return { fd: descriptor };
  if (descriptor === undefined && pid !== undefined) return { pid: checkPid(`${argument}.pid`, pid) };
  throw new ArgumentError(argument, "takes 'new', 'inherit', an open namespace, { pid } or { pidfd }");
}

/** What `joined` is to setns(2): from here on a pid is that process, or nobody, until what is added to `opened` is closed. */
export function openJoined({ joined }: Namespaces, opened: Descriptor[]): readonly Join<number>[] {
  const processes = new Map<number, number>();
  return joined.map(({ kind, place }) => {
    if ('fd' in place) return { kind, place: place.fd };
    let pidfd = processes.get(place.pid);
    if (pidfd === undefined) {
      const process = orThrow(addon.pidfdOpen(place.pid), `options.namespaces.${kind}, process ${place.pid}`);
      opened.push(process);
      pidfd = process.fd;
      processes.set(place.pid, pidfd);
    }
    return { kind, place: pidfd };
  });
}
