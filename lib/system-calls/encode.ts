import type { EncodedProgram } from '../native/addon.js';
import { addon } from '../native/load.js';
import { ArgumentError } from '../errors.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import {
  ADDRESS,
  VALUE,
  type Argument,
  type CallStruct,
  type Condition,
  type Pointed,
  type PointerArray,
  type SystemCall,
} from './program.js';

/** `struct Launch` and `struct Call` of `native/launcher/launch.h`. */
const HEADER = 64;
const CALL = 64;
const KINDS = 8;
const CONDITION = 14;
const ONLY_IF = 0x8000;
const ARGUMENTS = 16;
const MOST_ARGUMENTS = 6;

const numbers = new Map(addon.systemCalls.map((name, number) => [name, number]));
const encoder = new TextEncoder();

/** The same for all programs: the addon takes a copy. */
const writer = new Writer(2048);
/** Where there are pointers. */
let pointers: number[] = [];
/** Where they are. Arguments and environments come again for every place that a command may be in. */
const structs = new Map<CallStruct | PointerArray, number>();

/**
 * One block for all calls, what their arguments point to, and where in that there are pointers: the addon only adds where the block is.
 * Good until the next one is made.
 */
export function encode(calls: readonly SystemCall[]): EncodedProgram {
  writer.truncate(0);
  pointers = [];
  structs.clear();
  writer.reserve(HEADER + calls.length * CALL);
  for (let i = 0; i < calls.length; i++) addCall(HEADER + i * CALL, calls[i]!);
  const list = reserve(4 * pointers.length);
  for (let i = 0; i < pointers.length; i++) writer.view.setUint32(list + 4 * i, pointers[i]!, LITTLE_ENDIAN);
  writer.view.setUint32(0, calls.length, LITTLE_ENDIAN);
  writer.view.setUint32(4, pointers.length, LITTLE_ENDIAN);
  return writer.bytes.subarray(0, writer.length);
}

function addCall(at: number, { name, args, tolerated, condition }: SystemCall): void {
  const number = numbers.get(name);
  if (number === undefined || args.length > MOST_ARGUMENTS)
    throw new TypeError(`${name} with ${args.length} arguments is no call that a program can have`);
  for (let i = 0; i < args.length; i++) addArgument(at, i, args[i]!);
  const errnos = tolerated === undefined ? 0 : addBytes(new Uint8Array(Int32Array.from(tolerated).buffer));
  const { view } = writer;
  view.setUint16(at, number, LITTLE_ENDIAN);
  view.setUint16(at + 2, tolerated?.length ?? 0, LITTLE_ENDIAN);
  view.setUint32(at + 4, errnos, LITTLE_ENDIAN);
  if (condition !== undefined) view.setUint16(at + CONDITION, conditionBits(condition), LITTLE_ENDIAN);
}

function conditionBits(condition: Condition): number {
  const index = 1 + ('unless' in condition ? condition.unless : condition.onlyIf).value;
  if (index >= ONLY_IF) throw new ArgumentError('options', `takes more than ${ONLY_IF - 1} system calls`);
  return 'unless' in condition ? index : index | ONLY_IF;
}

function addArgument(call: number, index: number, argument: Argument): void {
  let kind: number = VALUE;
  let value = 0;
  if (typeof argument === 'number') {
    if (!Number.isInteger(argument)) throw new TypeError(`${argument} is no argument of a system call`);
    value = argument;
  } else if (typeof argument === 'object' && argument !== null && 'kind' in argument) ({ kind, value } = argument);
  else if (argument !== null) {
    kind = ADDRESS;
    value = addPointed(argument);
  }
  const { view } = writer;
  view.setUint8(call + KINDS + index, kind);
  view.setFloat64(call + ARGUMENTS + 8 * index, value, LITTLE_ENDIAN);
}

/** Returns where it is, as all of these. */
function addPointed(target: Pointed): number {
  if (typeof target === 'string') return addText(target);
  if (target instanceof Uint8Array) return addBytes(target);
  const known = structs.get(target);
  if (known !== undefined) return known;
  return 'targets' in target ? addArray(target) : addStruct(target);
}

function addText(text: string): number {
  // The kernel would silently see a shorter one.
  if (text.includes('\0')) throw new TypeError('a text must be without null characters');
  const at = reserve(3 * text.length + 1);
  writer.length = at + putText(text, at) + 1;
  return at;
}

/** Returns how many bytes it takes in UTF-8. */
function putText(text: string, at: number): number {
  const { bytes } = writer;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Calling the encoder takes longer than this loop does for the most part of all texts.
    if (code > 0x7f) return encoder.encodeInto(text, bytes.subarray(at)).written;
    bytes[at + i] = code;
  }
  return text.length;
}

function addBytes(bytes: Uint8Array): number {
  const at = reserve(bytes.length);
  writer.bytes.set(bytes, at);
  return at;
}

function addArray(array: PointerArray): number {
  const { targets } = array;
  const at = reserve(8 * (targets.length + 1));
  structs.set(array, at);
  for (let i = 0; i < targets.length; i++) addPointer(at + 8 * i, targets[i]!);
  return at;
}

function addStruct(struct: CallStruct): number {
  const at = addBytes(struct.bytes);
  structs.set(struct, at);
  for (const [offset, target] of struct.pointers) addPointer(at + offset, target);
  return at;
}

/** Of 64 bits, of which an offset takes 32. */
function addPointer(place: number, target: Pointed): void {
  const offset = addPointed(target);
  writer.view.setUint32(place + (LITTLE_ENDIAN ? 0 : 4), offset, LITTLE_ENDIAN);
  pointers.push(place);
}

/** At a multiple of 8, as structs have to be. */
function reserve(size: number): number {
  writer.reserve(-writer.length & 7);
  return writer.reserve(size);
}
