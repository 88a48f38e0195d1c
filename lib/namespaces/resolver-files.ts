/** What is in the files that the resolver reads: resolv.conf(5) and hosts(5). */
import { lazy } from '../lazy.js';

/** resolv.conf, with the C library's defaults and limits. */
export interface ResolverConfig {
  /** IP addresses, at most three; the loopback address when there is none. */
  readonly nameservers: readonly string[];
  /** Domains to look for short names in. */
  readonly search: readonly string[];
  /** A name with fewer dots is looked for in `search` first. */
  readonly ndots: number;
  /** Milliseconds to wait for one answer. */
  readonly timeout: number;
  /** How often all servers are asked. */
  readonly attempts: number;
}

/** Names, in lower case, and their addresses. */
export type Hosts = ReadonlyMap<string, readonly string[]>;

/** Lines that say nothing known are skipped, as the C library does. */
export function parseResolvConf(text: string): ResolverConfig {
  const nameservers: string[] = [];
  let search: string[] = [];
  let [ndots, timeout, attempts] = [1, 5, 2];
  for (const line of text.split('\n')) {
    if (/^[#;]/.test(line)) continue;
    const [keyword, ...values] = line.split(/\s+/).filter((word) => word !== '');
    if (keyword === 'nameserver' && nameservers.length < 3 && lazy('net').isIP(values[0] ?? '') !== 0) {
      nameservers.push(values[0]!);
    } else if (keyword === 'search' || keyword === 'domain') {
      search = (keyword === 'domain' ? values.slice(0, 1) : values).filter((domain) => domain !== '.');
    } else if (keyword === 'options') {
      for (const option of values) {
        const [, name, digits] = /^(ndots|timeout|attempts):(\d{1,9})$/.exec(option) ?? [];
        if (name === 'ndots') ndots = Math.min(Number(digits), 15);
        else if (name === 'timeout') timeout = Math.min(Math.max(Number(digits), 1), 30);
        else if (name === 'attempts') attempts = Math.min(Math.max(Number(digits), 1), 5);
      }
    }
  }
  if (nameservers.length === 0) nameservers.push('127.0.0.1');
  return { nameservers, search, ndots, timeout: timeout * 1000, attempts };
}

/** The full names that a name may stand for, in the order they are tried. */
export function candidates(name: string, { search, ndots }: Pick<ResolverConfig, 'search' | 'ndots'>): string[] {
  if (name.endsWith('.')) return [name];
  const within = search.map((domain) => `${name}.${domain}`);
  return name.split('.').length - 1 >= ndots ? [name, ...within] : [...within, name];
}

export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (lazy('net').isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}
