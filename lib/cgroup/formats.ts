/** The forms that the files of a cgroup have: Documentation/admin-guide/cgroup-v2.rst, "Format". */

/** `'workingset_refault_anon'` gives `'workingsetRefaultAnon'`, `'core_sched.force_idle_usec'` `'coreSchedForceIdleUsec'`. */
function camelCase(key: string): string {
  return key.replace(/[._](.)/g, (_, letter: string) => letter.toUpperCase());
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** "Space separated values" in one line: controllers. */
export function words(text: string): string[] {
  return text.split(/\s/).filter((word) => word !== '');
}

/** "New-line separated values": process ids. */
export function numbers(text: string): number[] {
  return linesOf(text).map(Number);
}

/** A number, or `'max'` where there is no limit. */
export function numberOrMax(text: string): number | 'max' {
  const value = text.trim();
  return value === 'max' ? 'max' : Number(value);
}

/** "Flat keyed": `KEY VALUE` a line. Keys in camel case; what is no integer is left out. */
export function flatKeyed(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const line of linesOf(text)) {
    const [key = '', value = ''] = line.split(' ');
    if (/^\d+$/.test(value)) found[camelCase(key)] = Number(value);
  }
  return found;
}

/** "Nested keyed": `KEY SUB_KEY=VALUE SUB_KEY=VALUE` a line. */
export function nestedKeyed(text: string): (readonly [key: string, values: ReadonlyMap<string, string>])[] {
  return linesOf(text).map((line) => {
    const [key = '', ...rest] = words(line);
    return [
      key,
      new Map(
        rest.map((pair) => {
          const at = pair.indexOf('=');
          return [camelCase(pair.slice(0, at)), pair.slice(at + 1)];
        }),
      ),
    ];
  });
}
