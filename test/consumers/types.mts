// The types as an ES module sees them.
import { Rtnetlink } from 'netlace';
import * as testing from 'netlace/testing';

await using client = await Rtnetlink.open();
const links = await client.link.list();
export const names: string[] = links.map((link) => link.name);
export const exported: object = testing;
