import { attr, attrSet } from '../../wire/attrs.js';
import type { Codec } from '../../wire/codec.js';
import { linkAttrs, type LinkAttrsIn, type LinkAttrsOut } from '../link-attrs.js';

/** The other end is a whole link, header and all, in the table that this one is part of: so it is looked up when used. */
const peer: Codec<LinkAttrsIn, LinkAttrsOut> = {
  typeFlags: 0x8000,
  write: (writer, value) => linkAttrs.write(writer, value),
  read: (view, at, length) => linkAttrs.read(view, at, at + length) as LinkAttrsOut,
  step: (_view, at, length) => ({ label: '', set: linkAttrs, at, end: at + length }),
};

/** Kernel: drivers/net/veth.c, veth_newlink and veth_policy. */
export const veth = attrSet('VETH_INFO', () => ({
  /** The other end, at creation: its name, address, MTU, and with `netns` the namespace it is born in. */
  peer: attr(1, peer),
}));
