import { ArgumentError } from '../errors.js';
import { flagOf, NAMESPACE_TYPES, type NamespaceType } from '../namespace-types.js';
import { checkKeys } from '../options.js';

/** A namespace to be in: a new one, or one that there is: anything with its descriptor, such as a `Netns`; `'inherit'` is the default. */
export type NamespaceChoice = 'new' | 'inherit' | { readonly fd: number };

export interface Namespaces {
  /** Of the new ones, as CLONE_NEW* flags; without that of time, which a process cannot be born into. */
  readonly flags: number;
  readonly isNew: (kind: NamespaceType) => boolean;
  readonly joined: readonly { readonly kind: NamespaceType; readonly fd: number }[];
}

export function checkNamespaces(choices: Readonly<Partial<Record<NamespaceType, NamespaceChoice>>> = {}): Namespaces {
  checkKeys('options.namespaces', choices, NAMESPACE_TYPES);
  let flags = 0;
  const created = new Set<NamespaceType>();
  const joined: { kind: NamespaceType; fd: number }[] = [];
  for (const kind of NAMESPACE_TYPES) {
    const choice = choices[kind];
    if (choice === undefined || choice === 'inherit') continue;
    if (choice === 'new') {
      created.add(kind);
      if (kind !== 'time') flags += flagOf(kind);
    } else {
      if (typeof choice !== 'object' || choice === null || !Number.isInteger(choice.fd) || choice.fd < 0)
        throw new ArgumentError(`options.namespaces.${kind}`, "takes 'new', 'inherit' or an open namespace");
      joined.push({ kind, fd: choice.fd });
    }
  }
  // The user namespace comes first: in it we may have the right to enter the others.
  joined.sort((a, b) => Number(b.kind === 'user') - Number(a.kind === 'user'));
  return { flags, isNew: (kind) => created.has(kind), joined };
}
