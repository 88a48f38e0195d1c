/** What an error says of an option that there is none of: `there is no such option; did you mean 'mtu'?` */
export function noSuchOption(key: string, known: Iterable<string>): string {
  const near = nearest(key, known);
  return near === undefined ? 'there is no such option' : `there is no such option; did you mean '${near}'?`;
}

/** The name that differs least from `key`; undefined where all differ by more than a slip of the pen. */
export function nearest(key: string, known: Iterable<string>): string | undefined {
  const wanted = plain(key);
  let least = key.length > 3 ? 2 : 1;
  let found: string | undefined;
  for (const name of known) {
    const other = plain(name);
    if (Math.abs(other.length - wanted.length) > least) continue;
    const distance = editDistance(other, wanted);
    if (distance > least || (distance === least && found !== undefined)) continue;
    least = distance;
    found = name;
  }
  return found;
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[_-]/g, '');

/** How many letters have to be put in, taken out, replaced, or swapped with their neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? beforeLast[j - 2]! + 1 : Infinity;
      row.push(Math.min(last[j]! + 1, row[j - 1]! + 1, replaced, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
