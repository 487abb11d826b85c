/**
 * bpf_trace_printk(fmt, fmt_size, ...): at most three arguments, and the conversions that the kernel's bpf_bprintf_prepare takes (6.18):
 * %% %c %s, %d %i %u %x %X with l or ll, %p %px %pK %pi4 %pI4, flags `0 + - space` and a width. Everything else is EINVAL.
 */

import { PERMISSION } from '../../contract/memory.ts';
import { ERRNO } from '../../spec/errno.ts';
import type { HelperContext } from './context.ts';

/** Longest format or printed line in bytes. */
export const MAX_PRINT_BYTES = 512;
const MAX_ARGUMENTS = 3;
const FIRST_ARGUMENT = 3;

/** r1 format, r2 its size with the closing zero, r3 to r5 arguments -> bytes printed, or a negative errno. */
export function tracePrintk(context: HelperContext): void {
  const size = context.argument(2);
  if (size === 0n || size > BigInt(MAX_PRINT_BYTES)) {
    context.setResult(-ERRNO.EINVAL);
    return;
  }
  const address = context.bytesAt(1, Number(size), 'read');
  const bytes = context.memory.bytes.slice(address, address + Number(size));
  const end = bytes.indexOf(0);
  const text = end < 0 ? undefined : formatPrint(latin1(bytes.subarray(0, end)), context);
  if (text === undefined) {
    context.setResult(-ERRNO.EINVAL);
    return;
  }
  context.print(text);
  context.setResult(text.length);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

interface Conversion {
  readonly flags: string;
  readonly width: number;
  /** 0: int, 1: long, 2: long long. */
  readonly longs: number;
  readonly kind: string;
  readonly end: number;
}

/** Reads the conversion behind a `%` at `start`; undefined when the kernel does not know it. */
function readConversion(format: string, start: number): Conversion | undefined {
  let at = start;
  while ('0+- '.includes(format[at] ?? '?')) at++;
  const flags = format.slice(start, at);
  const widthStart = at;
  while ((format[at] ?? '') >= '0' && (format[at] ?? '') <= '9') at++;
  const width = Math.min(Number(format.slice(widthStart, at) || '0'), MAX_PRINT_BYTES);
  if (format[at] === 'p') {
    const four = format.slice(at + 1, at + 3);
    if (four === 'i4' || four === 'I4') return { flags, width, longs: 0, kind: 'p4', end: at + 3 };
    const suffix = format[at + 1] ?? '';
    return { flags, width, longs: 2, kind: 'p', end: at + ('xKsSB'.includes(suffix) && suffix !== '' ? 2 : 1) };
  }
  let longs = 0;
  while (format[at] === 'l' && longs < 2) {
    longs++;
    at++;
  }
  const kind = format[at];
  if (kind === undefined) return undefined;
  if ('diuxX'.includes(kind) || (longs === 0 && (kind === 's' || kind === 'c'))) {
    return { flags, width, longs, kind, end: at + 1 };
  }
  return undefined;
}

/** The printed text, cut to MAX_PRINT_BYTES; undefined for a format that the kernel refuses. */
function formatPrint(format: string, context: HelperContext): string | undefined {
  let text = '';
  let used = 0;
  for (let at = 0; at < format.length; ) {
    const character = format[at]!;
    if (character !== '%') {
      text += character;
      at++;
      continue;
    }
    if (format[at + 1] === '%') {
      text += '%';
      at += 2;
      continue;
    }
    const conversion = readConversion(format, at + 1);
    if (conversion === undefined || used === MAX_ARGUMENTS) return undefined;
    text += pad(conversion, convert(conversion, context.argument(FIRST_ARGUMENT + used), context));
    used++;
    at = conversion.end;
  }
  return text.slice(0, MAX_PRINT_BYTES);
}

function convert(conversion: Conversion, argument: bigint, context: HelperContext): string {
  const bits = conversion.longs === 0 ? 32 : 64;
  const unsigned = BigInt.asUintN(bits, argument);
  switch (conversion.kind) {
    case 'd':
    case 'i': {
      const signed = BigInt.asIntN(bits, argument);
      if (signed >= 0n && conversion.flags.includes('+')) return `+${signed}`;
      return signed >= 0n && conversion.flags.includes(' ') ? ` ${signed}` : `${signed}`;
    }
    case 'u':
      return `${unsigned}`;
    case 'x':
      return unsigned.toString(16);
    case 'X':
      return unsigned.toString(16).toUpperCase();
    case 'c':
      return String.fromCharCode(Number(argument & 0xffn));
    case 'p':
      return argument.toString(16).padStart(16, '0');
    case 'p4':
      return fourBytes(argument, context);
    default:
      return readString(argument, context);
  }
}

/** IPv4 address at a guest address; zeroes where there is none, as the kernel's fault-tolerant read gives. */
function fourBytes(address: bigint, context: HelperContext): string {
  const at = Number(address);
  const readable = context.memory.allows(at, 4, PERMISSION.READ);
  return [0, 1, 2, 3].map((index) => (readable ? context.memory.bytes[at + index]! : 0)).join('.');
}

/** Text at a guest address up to its zero byte; as much of it as can be read. */
function readString(address: bigint, context: HelperContext): string {
  let text = '';
  for (let at = Number(address); text.length < MAX_PRINT_BYTES; at++) {
    if (!context.memory.allows(at, 1, PERMISSION.READ)) return text;
    const byte = context.memory.bytes[at]!;
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  return text;
}

function pad(conversion: Conversion, text: string): string {
  if (conversion.flags.includes('-')) return text.padEnd(conversion.width);
  if (!conversion.flags.includes('0') || conversion.kind === 's' || conversion.kind === 'c') {
    return text.padStart(conversion.width);
  }
  const sign = /^[+ -]/.test(text) ? text[0]! : '';
  return sign + text.slice(sign.length).padStart(conversion.width - sign.length, '0');
}
