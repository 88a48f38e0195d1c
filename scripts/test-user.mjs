// npm run test:user [-- jest's own arguments]: the suite `kernel` as a user without rights, in namespaces of his own. Root
// runs it as the user 65534, who has to be able to read the checkout.
import { chownSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run, tryRun } from './lib.mjs';

const USER = 65_534;

run('npm', ['run', '--silent', 'build:examples']);

const home = mkdtempSync(join(tmpdir(), 'netlace-user-'));
const setUser = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
const test = [process.execPath, join(root, 'scripts/test.mjs'), 'kernel', ...process.argv.slice(2)];
const asOther = process.getuid() === 0;
if (asOther) chownSync(home, USER, USER);
// In a mount namespace of its own /dev/net/tun is for everyone, as most systems have it.
const withTun = `mount -t tmpfs tun "$1" && mknod -m 666 "$1/tun" c 10 200 && mount --bind "$1/tun" /dev/net/tun; shift; exec "$@"`;
const device = mkdtempSync(join(tmpdir(), 'netlace-tun-'));
const [program, ...args] = asOther
  ? ['unshare', '--mount', 'sh', '-c', withTun, 'sh', device, 'setpriv', ...setUser, ...test]
  : test;
const env = { ...process.env, HOME: home, TMPDIR: home, NETLACE_PREBUILT: '1' };
process.exitCode = tryRun(program, args, { env });
rmSync(home, { recursive: true });
rmdirSync(device);
