import { EACCES, ENODEV, ENOENT, ENOTDIR, EPERM, ESTALE, ETIMEDOUT } from '../errno.js';
import { PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, SECCOMP_SET_MODE_FILTER } from '../system-calls/constants.js';
import { Program, words } from '../system-calls/program.js';
import { dropBounding, keepCapabilities, setCapabilities } from './capabilities.js';
import { isDirect } from './direct.js';
import { enter, joinSessionKeyring, writeFile } from './entry.js';
import { setRoot } from './mounts.js';
import type { Join } from './namespaces.js';
import { setResourceLimits } from './rlimits.js';
import type { CheckedSpawn, Environment, SpawnOptions } from './spawn-options.js';
import { controlTerminal, type PreparedStdio } from './stdio.js';

/** What says that a program may be in another folder: as for execvp(3). */
const NOT_HERE = [ENOENT, ENOTDIR, EACCES, ESTALE, ENODEV, ETIMEDOUT];

/** A file of the launcher's folder in /proc that this process writes. */
interface Written {
  readonly file: string;
  readonly text: string;
  readonly step: string;
}

/** What is done to start a program, and by whom. */
export interface Plan {
  readonly program: Program;
  /** Whether the child carries the program out itself, with this process's memory; else a launcher does. */
  readonly isDirect: boolean;
  readonly writes: readonly Written[];
  /** CLONE_NEW* of the first process. */
  readonly flags: number;
  /** Of the numbers below, the child's program has all but the last for descriptors of its own. */
  readonly leastDescriptor: number;
}

/**
 * What the child does, in this order: each thing while it has the right to, and knows the paths. `parent` is a pidfd of this
 * process, if there has to be one.
 */
export function planned(
  checked: CheckedSpawn,
  joined: readonly Join<number>[],
  stdio: PreparedStdio,
  parent: number | undefined,
): Plan {
  const { options, namespaces, ids } = checked;
  const leastDescriptor = stdio.count + 1;
  const program = new Program();
  // In a pid namespace of its own, a program that signals its process group would else signal that of this process.
  const isElsewhere = namespaces.isNew('pid') || joined.some(({ kind }) => kind === 'pid');
  const hasSession = stdio.isTerminal || (options.detached ?? isElsewhere);
  if (isDirect(options, namespaces)) {
    if (namespaces.isNew('pid')) joinSessionKeyring(program);
    if (hasSession) program.add('detached', 'setsid', []);
    setNames(program, options);
    stdio.place(program);
    if (stdio.isTerminal) controlTerminal(program);
    if (options.umask !== undefined) program.add('umask', 'umask', [options.umask]);
    program.add('stdio', 'closeRest', [stdio.count]);
    setFolder(program, options);
    execute(program, checked);
    return { program, isDirect: true, writes: [], flags: namespaces.created, leastDescriptor };
  }
  const { flags, sources, settings, niced } = enter(program, checked, joined);
  if (hasSession) program.add('detached', 'setsid', []);
  setNames(program, options);
  for (const { step, path, text } of checked.sysctls) writeFile(program, step, settings!, path, text);
  setRoot(program, checked.root, sources);
  // Over descriptors that were needed until now, and before there may only be few.
  stdio.place(program, parent);
  if (stdio.isTerminal) controlTerminal(program);
  setResourceLimits(program, checked.limits);
  if (options.nice !== undefined)
    program.add('nice', 'setpriority', [0, 0, options.nice], undefined, niced && { unless: niced });
  if (options.umask !== undefined) program.add('umask', 'umask', [options.umask]);
  // Before a path may lead through one of them (CVE-2024-21626), and before a filter that may not know the call.
  program.add('stdio', 'closeRest', [stdio.count + (parent === undefined ? 0 : 1)]);
  setRights(program, checked, parent === undefined ? undefined : stdio.count);
  if (options.init === true) program.add('init', 'init', []);
  execute(program, checked);
  const writes: Written[] = [];
  if (ids !== undefined) {
    if (ids.setgroups === 'deny') writes.push({ file: 'setgroups', text: 'deny', step: 'setgroups' });
    writes.push({ file: 'uid_map', text: ids.uidText, step: 'uidMap' });
    writes.push({ file: 'gid_map', text: ids.gidText, step: 'gidMap' });
  }
  return { program, isDirect: false, writes, flags, leastDescriptor };
}

function setNames(program: Program, { hostname, domainname }: SpawnOptions): void {
  if (hostname !== undefined) program.add('hostname', 'sethostname', [hostname, Buffer.byteLength(hostname)]);
  if (domainname !== undefined) program.add('domainname', 'setdomainname', [domainname, Buffer.byteLength(domainname)]);
}

/** A path may lead out of the root by a link of /proc, or by where a container has moved a folder to. */
function setFolder(program: Program, { cwd }: SpawnOptions): void {
  if (cwd === undefined) return;
  program.add('cwd', 'chdir', [cwd]);
  program.add('cwd', 'inRoot', []);
}

/**
 * The user, the capabilities and the filter, and what comes with them. A filter without `noNewPrivileges` takes CAP_SYS_ADMIN, so it
 * comes first; from there on there are only calls that the usual filters allow. Else it comes last, so that it may forbid them.
 */
function setRights(program: Program, checked: CheckedSpawn, parent: number | undefined): void {
  const { options, capabilities, deathSignal } = checked;
  const isLate = options.noNewPrivileges === true;
  if (options.seccomp !== undefined && !isLate) filter(program, options.seccomp);
  if (capabilities !== undefined) {
    dropBounding(program, capabilities);
    keepCapabilities(program);
  }
  changeUser(program, options);
  if (capabilities !== undefined) setCapabilities(program, capabilities);
  setFolder(program, options);
  if (deathSignal !== undefined && parent !== undefined) {
    program.add('deathSignal', 'prctl', [PR_SET_PDEATHSIG, deathSignal, 0, 0, 0]);
    // This process may have ended before, so that the signal was not sent.
    program.add('deathSignal', 'stillRuns', [parent]);
  }
  if (isLate) program.add('noNewPrivileges', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  if (options.seccomp !== undefined && isLate) filter(program, options.seccomp);
}

function changeUser(program: Program, { uid, gid, groups }: SpawnOptions): void {
  // In a user namespace that denies setgroups there are none to give up, and who asks for some is told.
  if (groups !== undefined) program.add('groups', 'setgroups', [groups.length, words(groups)]);
  else if (gid !== undefined || uid !== undefined) program.add('groups', 'setgroups', [0, null], [EPERM]);
  if (gid !== undefined) program.add('gid', 'setresgid', [gid, gid, gid]);
  if (uid !== undefined) program.add('uid', 'setresuid', [uid, uid, uid]);
}

/** struct sock_fprog: a length of 16 bits, and a pointer. */
function filter(program: Program, instructions: Uint8Array): void {
  const bytes = new Uint8Array(16);
  bytes.set(new Uint8Array(Uint16Array.of(instructions.length / 8).buffer));
  program.add('seccomp', 'seccomp', [SECCOMP_SET_MODE_FILTER, 0, { bytes, pointers: [[8, instructions]] }]);
}

/** Where the command may be. */
function paths(command: string, { path }: Environment): string[] {
  if (command.includes('/')) return [command];
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
}

/** Tries the folders of PATH in turn, as the child sees them and as execvp(3) does. */
function execute(program: Program, { command, argv, environment }: CheckedSpawn): void {
  const candidates = paths(command, environment);
  const both = [{ targets: argv }, { targets: environment.list }] as const;
  for (const [i, path] of candidates.entries()) {
    const elsewhere = i < candidates.length - 1 ? NOT_HERE : undefined;
    program.add('command', 'execve', [path, ...both], elsewhere);
  }
}
