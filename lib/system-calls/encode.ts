import type { EncodedProgram } from '../native/addon.js';
import { addon } from '../native/load.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import type { Argument, CallStruct, Pointed, SystemCall } from './program.js';

/** `struct Header` and `struct Call` of `native/program.cc`, and the kinds of arguments there. */
const HEADER = 8;
const CALL = 64;
const KINDS = 8;
const ARGUMENTS = 16;
const MOST_ARGUMENTS = 6;
const VALUE = 0;
const ADDRESS = 1;
const RESULT = 2;
const REPORT = 3;
const NULL_DEVICE = 4;
const BUFFER = 5;

const numbers = new Map(addon.systemCalls.map((name, number) => [name, number]));
const encoder = new TextEncoder();

interface Block {
  readonly writer: Writer;
  /** Where there are pointers. */
  readonly pointers: number[];
  /** Where they are. Arguments and environments come again for every place that a command may be in. */
  readonly structs: Map<CallStruct, number>;
}

/** One block for all calls, what their arguments point to, and where in that there are pointers: the addon only adds where the block is. */
export function encode(calls: readonly SystemCall[]): EncodedProgram {
  const writer = new Writer(1024);
  const block: Block = { writer, pointers: [], structs: new Map() };
  writer.reserve(HEADER + calls.length * CALL);
  for (let i = 0; i < calls.length; i++) addCall(block, HEADER + i * CALL, calls[i]!);
  const { pointers } = block;
  const list = writer.reserve(4 * pointers.length);
  for (let i = 0; i < pointers.length; i++) writer.view.setUint32(list + 4 * i, pointers[i]!, LITTLE_ENDIAN);
  writer.view.setUint32(0, calls.length, LITTLE_ENDIAN);
  writer.view.setUint32(4, pointers.length, LITTLE_ENDIAN);
  return writer.bytes.subarray(0, writer.length);
}

function addCall(block: Block, at: number, { name, args, tolerated }: SystemCall): void {
  const number = numbers.get(name);
  if (number === undefined || args.length > MOST_ARGUMENTS)
    throw new TypeError(`${name} with ${args.length} arguments is no call that a program can have`);
  for (let i = 0; i < args.length; i++) addArgument(block, at, i, args[i]!);
  const errnos = tolerated === undefined ? 0 : addBytes(block, new Uint8Array(Int32Array.from(tolerated).buffer));
  const { view } = block.writer;
  view.setUint16(at, number, LITTLE_ENDIAN);
  view.setUint16(at + 2, tolerated?.length ?? 0, LITTLE_ENDIAN);
  view.setUint32(at + 4, errnos, LITTLE_ENDIAN);
}

function addArgument(block: Block, call: number, index: number, argument: Argument): void {
  let kind = VALUE;
  let value = 0;
  if (typeof argument === 'number') value = argument;
  else if (typeof argument === 'string' || argument instanceof Uint8Array) {
    kind = ADDRESS;
    value = addPointed(block, argument);
  } else if (argument !== null) {
    if ('result' in argument) {
      kind = RESULT;
      value = argument.result;
    } else if ('buffer' in argument) {
      kind = BUFFER;
      value = argument.buffer;
    } else if ('report' in argument) kind = REPORT;
    else if ('nullDevice' in argument) kind = NULL_DEVICE;
    else {
      kind = ADDRESS;
      value = addStruct(block, argument);
    }
  }
  const { view } = block.writer;
  view.setUint8(call + KINDS + index, kind);
  view.setFloat64(call + ARGUMENTS + 8 * index, value, LITTLE_ENDIAN);
}

/** Returns where it is, as all of these. */
function addPointed(block: Block, target: Pointed): number {
  if (typeof target === 'string') return addText(block, target);
  return target instanceof Uint8Array ? addBytes(block, target) : addStruct(block, target);
}

function addText(block: Block, text: string): number {
  // The kernel would silently see a shorter one.
  if (text.includes('\0')) throw new TypeError('a text must be without null characters');
  const { writer } = block;
  const most = 3 * text.length + 1;
  const at = reserve(block, most);
  const { written } = encoder.encodeInto(text, writer.bytes.subarray(at, at + most));
  writer.length = at + written + 1;
  return at;
}

function addBytes(block: Block, bytes: Uint8Array): number {
  const at = reserve(block, bytes.length);
  block.writer.bytes.set(bytes, at);
  return at;
}

function addStruct(block: Block, struct: CallStruct): number {
  const known = block.structs.get(struct);
  if (known !== undefined) return known;
  const at = addBytes(block, struct.bytes);
  block.structs.set(struct, at);
  for (const [offset, target] of struct.pointers) {
    const place = addPointed(block, target);
    block.writer.view.setBigUint64(at + offset, BigInt(place), LITTLE_ENDIAN);
    block.pointers.push(at + offset);
  }
  return at;
}

/** At a multiple of 8, as structs have to be. */
function reserve({ writer }: Block, size: number): number {
  writer.reserve(-writer.length & 7);
  return writer.reserve(size);
}
