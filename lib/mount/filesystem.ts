import { ArgumentError } from '../errors.js';
import { isFailure } from '../netlink/system-call.js';
import type { Performed } from '../native/addon.js';
import { checkKeys, checkPath } from '../options.js';
import { show } from '../wire/codec.js';
import { checkDescriptor, checkText, type InNamespace, type WithDescriptor } from './checks.js';
import { AT_FDCWD } from '../system-calls/constants.js';
import { attach, makeFilesystem, mountContext, type Parameter } from '../system-calls/mounts.js';
import { bufferOf, type ResultOf } from '../system-calls/program.js';
import { attributeBits, checkAttributes, type MountAttribute } from './flags.js';
import { borrow, ThreadProgram, run, runSync, type Borrowed, type Operation } from './program.js';

/**
 * `true`: the parameter stands without a value; an array gives it several times, `lowerdir+` of overlay say (since Linux
 * 6.7); `{ fd }` passes an open file. Text has at most 255 bytes.
 */
export type FilesystemParameter = string | number | true | readonly string[] | WithDescriptor;

export interface FilesystemOptions extends InNamespace {
  /** The file system's name, as in /proc/filesystems. */
  readonly type: string;
  /** The path of a device for file systems on disks, for the others any text. */
  readonly source?: string | undefined;
  /** The file system's own options, set in this order; an integer-like key comes first, as in any object. */
  readonly parameters?: Readonly<Record<string, FilesystemParameter>> | undefined;
  /** Of the mount. What is about the file system, `ro` say, is a parameter. */
  readonly attributes?: readonly MountAttribute[] | undefined;
}

export const FILESYSTEM_OPTIONS = ['type', 'source', 'parameters', 'attributes', 'namespace'] as const;

export interface CheckedFilesystem {
  readonly type: string;
  readonly parameters: readonly Parameter[];
  readonly attributes: number;
  readonly namespace: WithDescriptor | undefined;
}

export function checkFilesystem(argument: string, options: FilesystemOptions): CheckedFilesystem {
  const { source, parameters = {} } = options;
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
    throw new ArgumentError(`${argument}.parameters`, `takes values by name, not ${show(parameters)}`);
  const all = Object.entries<unknown>(parameters).flatMap(([key, value]) =>
    checkParameter(`${argument}.parameters.${key}`, key, value),
  );
  if (source !== undefined)
    all.unshift(textParameter(`${argument}.source`, 'source', checkText(`${argument}.source`, source)));
  return {
    type: checkText(`${argument}.type`, options.type),
    parameters: all,
    attributes: attributeBits(checkAttributes(`${argument}.attributes`, options.attributes)),
    namespace: checkDescriptor(`${argument}.namespace`, options.namespace),
  };
}

/** fs/fsopen.c, fsconfig: it copies 256 bytes of a name or value, with the NUL. */
const LONGEST_TEXT = 255;

function checkParameter(argument: string, key: string, value: unknown): Parameter[] {
  if (key === '' || key.includes('\0')) throw new ArgumentError(argument, 'takes a name without NUL');
  if (value === true) return [{ key, value, subject: argument }];
  if (Array.isArray(value)) return value.map((one) => textParameter(argument, key, one));
  if (typeof value === 'object' && value !== null)
    return [{ key, value: checkDescriptor(argument, value)!, subject: argument }];
  return [textParameter(argument, key, typeof value === 'number' ? String(value) : value)];
}

function textParameter(argument: string, key: string, value: unknown): Parameter {
  if (typeof value !== 'string' || value.includes('\0'))
    throw new ArgumentError(argument, `takes text, a number, true, an array of texts or { fd }, not ${show(value)}`);
  if (Buffer.byteLength(value) > LONGEST_TEXT)
    throw new ArgumentError(argument, `takes at most ${LONGEST_TEXT} bytes; overlay, say, has lowerdir+ for many`);
  return { key, value, subject: `${argument} ${JSON.stringify(value)}` };
}

/** How many messages a context keeps (fs/fs_context.c, logfc), and more than one is long. */
const LOG_MESSAGES = 8;
const LOG_BYTES = 1024;

/** As calls of a program; its rescue reads what the kernel says when one fails. */
function addFilesystem(
  program: ThreadProgram,
  argument: string,
  { type, parameters, attributes }: Omit<CheckedFilesystem, 'namespace'>,
): ResultOf {
  const context = makeFilesystem(program, `${argument}.type ${JSON.stringify(type)}`, type, parameters);
  for (let i = 0; i < LOG_MESSAGES; i++) program.rescue('read', [context, bufferOf(LOG_BYTES), LOG_BYTES]);
  return mountContext(program, `${argument}.attributes`, context, attributes);
}

/** The messages in the context's log, each behind a letter for its kind: error, warning or information. */
function logged(buffers: readonly Uint8Array[] = []): string {
  const messages = buffers.slice(-LOG_MESSAGES).map((bytes) =>
    Buffer.from(bytes)
      .toString()
      .replace(/\0.*$/s, '')
      .trim()
      .replace(/^[ewi] /, ''),
  );
  return messages.filter((message) => message !== '').join('; ');
}

/** Carries out a program that has these calls. `finish` adds what is to be done with the mount. */
export function* filesystemOperation(
  argument: string,
  checked: CheckedFilesystem,
  finish: (program: ThreadProgram, mount: ResultOf) => void,
): Operation<Performed> {
  using namespace = borrow(`${argument}.namespace`, checked.namespace);
  const files: Borrowed[] = [];
  try {
    const parameters = checked.parameters.map((parameter) => {
      if (typeof parameter.value !== 'object') return parameter;
      const file = borrow(parameter.subject, parameter.value);
      files.push(file);
      return { ...parameter, value: file };
    });
    const program = new ThreadProgram().enter(`${argument}.namespace`, namespace);
    finish(program, addFilesystem(program, argument, { ...checked, parameters }));
    const outcome = yield program;
    if (isFailure(outcome)) throw program.error(outcome, logged(outcome.buffers));
    return outcome;
  } finally {
    for (const file of files) file[Symbol.dispose]();
  }
}

export interface MountFilesystemOptions extends FilesystemOptions {
  /** The path of the mount point, a folder that exists; a symbolic link at its end is not followed. */
  readonly target: string;
}

function* mountFilesystemOperation(options: MountFilesystemOptions): Operation<void> {
  options = checkKeys('mountFilesystem', options, [...FILESYSTEM_OPTIONS, 'target']);
  const target = checkPath('mountFilesystem.target', options.target);
  const checked = checkFilesystem('mountFilesystem', options);
  yield* filesystemOperation('mountFilesystem', checked, (program, mounted) =>
    attach(program, `mountFilesystem.target ${JSON.stringify(target)}`, mounted, [AT_FDCWD, target, 0]),
  );
}

/**
 * Mounts a file system with fsopen(2), fsconfig(2), fsmount(2) and move_mount(2): other than with `mount`, an error says which
 * parameter is wrong, and what the kernel says about it; values may have commas in them where the file system
 * has come to this interface (overlay in Linux 6.5). Either all is done or
 * nothing. Takes CAP_SYS_ADMIN as `mount` does.
 *
 * @example
 * ```ts
 * import { Namespace } from 'netlace';
 * import { mount, mountFilesystem } from 'netlace/mount';
 *
 * using namespace = await Namespace.create('mnt');
 * await mount({ namespace, target: '/', propagation: 'rprivate' });
 * await mountFilesystem({ namespace, type: 'tmpfs', parameters: { size: '1m', mode: 755 }, attributes: ['noSuid'], target: '/mnt' });
 * ```
 */
export function mountFilesystem(options: MountFilesystemOptions): Promise<void> {
  return run(mountFilesystemOperation(options));
}

/** `mountFilesystem`, in the calling thread's time. */
export function mountFilesystemSync(options: MountFilesystemOptions): void {
  runSync(mountFilesystemOperation(options));
}
