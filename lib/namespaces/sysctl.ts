import { ArgumentError } from '../errors.js';
import { sysctlPath } from '../sysctl.js';
import { show } from '../wire/codec.js';

/** The file of a sysctl of the network: `'net.ipv4.ip_forward'`. */
export function networkSysctl(name: unknown): string {
  const path = sysctlPath('sysctl', name);
  if (!/^net\/.+\//.test(path))
    throw new ArgumentError('sysctl', `takes a name such as 'net.ipv4.ip_forward', not ${show(name)}`);
  return `/proc/sys/${path}`;
}
