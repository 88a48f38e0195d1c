import { LITTLE_ENDIAN } from './writer.js';
import type { AttrSet, Rows } from './attrs.js';
import type { AnyCodec, Step } from './codec.js';

const NLA_TYPE_MASK = 0x3fff;

/** An attribute found in a message: the names on the way to it, and the table of what is inside it, if anything is. */
export interface Place {
  /** `'data(vxlan).id'`; empty for an attribute that the user does not see, since its inner ones stand for it. */
  readonly path: string;
  readonly inside: AttrSet<Rows> | undefined;
}

/**
 * The innermost attribute that holds the byte at `offset` of a message this library wrote. Undefined when none does:
 * the byte is in the header, or the message is not what the table says.
 */
export function placeAt(
  set: AttrSet<Rows>,
  view: DataView,
  at: number,
  end: number,
  offset: number,
): Place | undefined {
  const base = at;
  const siblings: Record<string, unknown> = {};
  at += ((set.header?.size ?? 0) + 3) & ~3;
  while (end - at >= 4) {
    const size = view.getUint16(at, LITTLE_ENDIAN);
    if (size < 4 || size > end - at) return undefined;
    const id = view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
    const name = set.nameOf(id);
    const codec = set.codecOf(id);
    if (offset >= at && offset < at + size) {
      const step = codec?.step?.(view, at + 4, size - 4, offset, siblings);
      const visible = name === undefined ? `attribute ${id}` : codec === undefined ? name : visibleName(name, codec);
      return within(visible, step, view, offset < at + 4 ? undefined : offset);
    }
    // Only what decides about another attribute is read: much is written otherwise than it is read.
    if (name !== undefined && decides(set, name)) siblings[name] = codec?.read(view, at + 4, size - 4, siblings, base);
    at += (size + 3) & ~3;
  }
  return undefined;
}

/** What the user calls an attribute: one whose fields stand beside it has no name, or that of its only field. */
function visibleName(name: string, codec: AnyCodec): string {
  if ('spread' in codec) return '';
  const keys = 'keys' in codec ? (codec.keys as readonly string[] | undefined) : undefined;
  return keys === undefined ? name : keys.length === 1 ? keys[0]! : '';
}

function decides(set: AttrSet<Rows>, name: string): boolean {
  return Object.values(set.rows).some(({ codec }) => codec.decidedBy === name);
}

function within(name: string, step: Step | undefined, view: DataView, offset: number | undefined): Place {
  const head = name + (step?.label ?? '');
  const inner =
    step === undefined || offset === undefined ? undefined : placeAt(step.set, view, step.at, step.end, offset);
  if (inner === undefined) return { path: head, inside: step?.set };
  const dot = head === '' || inner.path === '' ? '' : '.';
  return { path: head + dot + inner.path, inside: inner.inside };
}
