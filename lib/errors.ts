import { errnoName, errnoText } from './errno.js';
import { noSuchOption } from './wire/suggestion.js';

/** The base of every error netlace makes. `code` is the contract; the message is for people and may change. */
export class NetlinkError extends Error {
  override readonly name: string = 'NetlinkError';
  /** An errno's name, such as `'EEXIST'`, or one that begins with `ERR_NETLACE_`. Stable. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What the kernel's policy allows for the attribute at fault (NLMSGERR_ATTR_POLICY, since Linux 5.10). */
export interface AttributePolicy {
  /** The kernel's name of the type, such as `'u32'`, or its number when this version does not know it. */
  readonly type?: string | number;
  readonly minimum?: bigint;
  readonly maximum?: bigint;
  readonly minimumLength?: number;
  readonly maximumLength?: number;
  /** The bits that may be set. */
  readonly mask?: bigint;
}

/** What a `KernelError` is made of. */
export interface KernelErrorDetails {
  readonly errno: number;
  /** The request's message type, such as `'RTM_NEWLINK'`. */
  readonly operation: string;
  /** The extended ACK's text. */
  readonly kernelMessage?: string | undefined;
  /** The attribute at fault, in the names of this library: `'link.data(vxlan).id'`. */
  readonly path?: string | undefined;
  /** What the request had there, for the message. */
  readonly value?: unknown;
  /** The attribute that the kernel misses. */
  readonly missing?: string | undefined;
  readonly policy?: AttributePolicy | undefined;
  /** The right that is missing, where that was found out. */
  readonly hint?: string | undefined;
}

/** The kernel refused a request. `code` is the errno's name. */
export class KernelError extends NetlinkError {
  override readonly name = 'KernelError';
  /** The error's number, positive. */
  readonly errno: number;
  /** The request's message type, such as `'RTM_NEWLINK'`. */
  readonly operation: string;
  /** What the kernel said about it, if anything. */
  readonly kernelMessage: string | undefined;
  /** The attribute at fault: `'link.data(vxlan).id'`. */
  readonly path: string | undefined;
  /** The attribute that the request lacks. */
  readonly missing: string | undefined;
  /** What the attribute at fault may be. */
  readonly policy: AttributePolicy | undefined;
  /** What the request had there. */
  readonly value: unknown;
  /** The right that is missing, where that was found out. */
  readonly hint: string | undefined;

  constructor(details: KernelErrorDetails) {
    const { errno, operation, kernelMessage, path, value, missing, policy, hint } = details;
    const code = errnoName(errno);
    const scalar = typeof value === 'string' || typeof value === 'number' ? ` ${JSON.stringify(value)}` : '';
    const where = path === undefined ? missing : path + scalar;
    const lacks = missing !== undefined && path === undefined ? 'required, but missing: ' : '';
    super(
      code,
      `${operation}${where === undefined ? '' : ` ${where}`}: ${lacks}${kernelMessage ?? errnoText(errno)} (${code})${hint === undefined ? '' : `; ${hint}`}`,
    );
    this.hint = hint;
    this.errno = errno;
    this.operation = operation;
    this.kernelMessage = kernelMessage;
    this.path = path;
    this.missing = missing;
    this.policy = policy;
    this.value = value;
  }

  /** The same error at another path, or missing what that path leads to. */
  at(path: string, value: unknown = this.value): KernelError {
    const { errno, operation, kernelMessage, missing, policy, hint } = this;
    return new KernelError(
      this.path === undefined && missing !== undefined
        ? { errno, operation, kernelMessage, missing: path, policy, hint }
        : { errno, operation, kernelMessage, path, value, missing, policy, hint },
    );
  }
}

/** A system call failed. `code` is the errno's name. */
export class SyscallError extends NetlinkError {
  override readonly name = 'SyscallError';
  /** The error's number, positive. */
  readonly errno: number;
  /** The call's name, as in its man page. */
  readonly syscall: string;
  /** What usually causes this, where that is known: the capability that is missing, say. */
  readonly hint: string | undefined;

  /** `subject` says what it was about: `'netns "box"'`. */
  constructor(errno: number, syscall: string, subject?: string, hint?: string) {
    const code = errnoName(errno);
    super(
      code,
      `${syscall}${subject === undefined || subject === syscall ? '' : ` ${subject}`}: ${errnoText(errno)} (${code})${hint === undefined ? '' : `; ${hint}`}`,
    );
    this.errno = errno;
    this.syscall = syscall;
    this.hint = hint;
  }
}

/** A program could not be started; nothing of it is left. `code` is the errno's name. */
export class SpawnError extends NetlinkError {
  override readonly name = 'SpawnError';
  /** The error's number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: string;
  /** What was being done: the option that asked for it, `'mounts[1]'` say, or `'clone3'`. */
  readonly step: string;

  /** `value` is what the option said. */
  constructor(errno: number, syscall: string, step: string, hint?: string, value?: string) {
    const code = errnoName(errno);
    const what = value === undefined ? step : `${step} ${JSON.stringify(value)}`;
    const call = step === syscall ? '' : `${syscall}: `;
    super(code, `spawn: ${what}: ${call}${errnoText(errno)} (${code})${hint === undefined ? '' : `; ${hint}`}`);
    this.errno = errno;
    this.syscall = syscall;
    this.step = step;
  }
}

/**
 * A value cannot be written, or bytes cannot be read, as the attribute at `path`; nothing was sent.
 * Also thrown for a misspelt option.
 */
export class CodecError extends NetlinkError {
  override readonly name = 'CodecError';
  /** The attribute or option: `'link.data(vxlan).id'`. */
  readonly path: string;
  /** What is wrong with it. */
  readonly reason: string;
  /** The options that there are, where `path` ends with one that there is not. */
  readonly known: readonly string[] | undefined;

  constructor(path: string, reason: string, options: ErrorOptions & { readonly known?: readonly string[] } = {}) {
    super('ERR_NETLACE_CODEC', path === '' ? reason : `${path}: ${reason}`, options);
    this.path = path;
    this.reason = reason;
    this.known = options.known;
  }

  /** For the option `key`, which is none of those `known`. */
  static noSuchOption(key: string, known: readonly string[]): CodecError {
    return new CodecError(key, noSuchOption(key, known), { known });
  }

  /** The same error as seen from one level further out. */
  within(outer: string): CodecError {
    const separator = this.path === '' || this.path.startsWith('[') || this.path.startsWith('(') ? '' : '.';
    return this.at(outer + separator + this.path);
  }

  /** The same error at another path. */
  at(path: string): CodecError {
    const { reason, cause, known } = this;
    return new CodecError(path, reason, {
      ...(cause === undefined ? {} : { cause }),
      ...(known === undefined ? {} : { known }),
    });
  }
}

/** A dump stayed inconsistent (NLM_F_DUMP_INTR) however often it was repeated. */
export class DumpInterruptedError extends NetlinkError {
  override readonly name = 'DumpInterruptedError';
  /** How often it was tried; once when it was iterated over. */
  readonly attempts: number;
  /** What the last attempt gave: perhaps incomplete, perhaps with an object twice. */
  readonly partial: readonly unknown[];

  constructor(operation: string, attempts: number, partial: readonly unknown[]) {
    super('ERR_NETLACE_DUMP_INTERRUPTED', `${operation}: the objects changed during each of ${attempts} dumps`);
    this.attempts = attempts;
    this.partial = partial;
  }
}

/** A call of `Rtnetlink.bulk` failed; `cause` says how. Later ones that were under way may have been carried out. */
export class BulkError extends NetlinkError {
  override readonly name = 'BulkError';
  /** The item's place among all, from 0. */
  readonly index: number;
  /** What the call was made for. */
  readonly item: unknown;

  constructor(index: number, item: unknown, cause: unknown) {
    super('ERR_NETLACE_BULK', `item ${index}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.index = index;
    this.item = item;
  }
}

/** No answer within the `timeout` asked for. The request may still have been carried out. */
export class TimeoutError extends NetlinkError {
  override readonly name = 'TimeoutError';

  constructor(operation: string, timeout: number) {
    super('ERR_NETLACE_TIMEOUT', `${operation}: no answer within ${timeout} ms`);
  }
}

/** The handle was closed, before the call or while it was pending. */
export class ClosedError extends NetlinkError {
  override readonly name = 'ClosedError';

  constructor(what: string) {
    super('ERR_NETLACE_CLOSED', `${what} is closed`);
  }
}

/**
 * A name could not be looked up. `code` is as of `dns.lookup`: `ENOTFOUND` when there is no such name, or none with such
 * addresses; `EAI_AGAIN` when no server answered in time, or one had trouble that may pass; `EAI_FAIL` when all refused.
 */
export class LookupError extends NetlinkError {
  override readonly name = 'LookupError';
  readonly hostname: string;
  readonly syscall = 'lookup';

  constructor(code: 'ENOTFOUND' | 'EAI_AGAIN' | 'EAI_FAIL', hostname: string, cause?: unknown) {
    super(code, `lookup ${code} ${hostname}`, cause === undefined ? undefined : { cause });
    this.hostname = hostname;
  }
}

/** This kernel or this platform cannot do what was asked. */
export class UnsupportedError extends NetlinkError {
  override readonly name = 'UnsupportedError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NETLACE_UNSUPPORTED', message, options);
  }
}

/** An argument is not of the form that the call takes. Attribute values give `CodecError` instead. */
export class ArgumentError extends NetlinkError {
  override readonly name = 'ArgumentError';
  /** The name of the argument or option. */
  readonly argument: string;
  /** What is wrong with it. */
  readonly reason: string;

  constructor(argument: string, reason: string) {
    super('ERR_NETLACE_ARGUMENT', `${argument}: ${reason}`);
    this.argument = argument;
    this.reason = reason;
  }
}
