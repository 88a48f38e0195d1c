// The types as an ES module sees them.
import { Rtnetlink } from 'netlace';
import { Cgroup } from 'netlace/cgroup';
import { listMounts, type MountInfo } from 'netlace/mount';
import { spawn, type Child } from 'netlace/process';
import * as testing from 'netlace/testing';

await using client = await Rtnetlink.open();
const links = await client.link.list();
export const names: string[] = links.map((link) => link.name);
export const child: Child = await spawn('true');
export const mounts: readonly MountInfo[] = await listMounts();
export const exported: object[] = [testing, Cgroup];
