// The types as a CommonJS module sees them.
import netlace = require('netlace');
import cgroup = require('netlace/cgroup');
import mount = require('netlace/mount');
import process = require('netlace/process');
import testing = require('netlace/testing');

export async function names(): Promise<string[]> {
  await using client = await netlace.Rtnetlink.open();
  return (await client.link.list()).map((link) => link.name);
}
export const child: Promise<process.Child> = process.spawn('true');
export const exported: object[] = [testing, cgroup.Cgroup, mount.listMounts];
