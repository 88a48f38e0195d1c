import { ArgumentError } from '../errors.js';
import { show } from '../wire/codec.js';

/**
 * The file of a sysctl of the network: `'net.ipv4.ip_forward'`. As with sysctl(8), where the first separator is a slash
 * dots are part of the names, which links' names need: `'net/ipv4/conf/eth0.5/forwarding'`. Between dots a slash stands
 * for a dot.
 */
export function sysctlPath(name: unknown): string {
  const separator = typeof name === 'string' ? /[./]/.exec(name)?.[0] : undefined;
  const parts =
    separator === '/'
      ? (name as string).split('/')
      : separator === '.'
        ? (name as string).split('.').map((part) => part.replaceAll('/', '.'))
        : [];
  if (
    parts.length < 3 ||
    parts[0] !== 'net' ||
    parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))
  ) {
    throw new ArgumentError('sysctl', `takes a name such as 'net.ipv4.ip_forward', not ${show(name)}`);
  }
  return `/proc/sys/${parts.join('/')}`;
}
