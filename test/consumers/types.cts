// The types as a CommonJS module sees them.
import netlace = require('netlace');
import testing = require('netlace/testing');

export async function names(): Promise<string[]> {
  await using client = await netlace.Rtnetlink.open();
  return (await client.link.list()).map((link) => link.name);
}
export const exported: object = testing;
