/**
 * bpf_trace_printk(fmt, fmt_size, ...): at most three arguments, and the conversions that the kernel's bpf_bprintf_prepare takes, printed as
 * its vsnprintf does (6.18, measured):
 *
 *   %% %c %s   %d %i %u %x %X with l or ll   %p %px %pK %ps %pS %pB   %pks %pus   %pi4 %pI4 %pi6 %pI6
 *
 * Before the letter may stand flags of `0 + - space` and a width. Everything else is EINVAL.
 */

import { PERMISSION } from '../../contract/memory.ts';
import { ERRNO } from '../../spec/errno.ts';
import type { HelperContext } from './context.ts';

/** Longest format in bytes, its zero included (Waggle's own bound). */
export const MAX_FORMAT_BYTES = 32_768;
/** Printed characters beyond these are cut off, though they count in what the helper answers (MAX_BPRINTF_BUF less the zero). */
export const MAX_PRINT_BYTES = 1023;
const MAX_ARGUMENTS = 3;
const FIRST_ARGUMENT = 3;
/** Widest field that vsnprintf makes (FIELD_WIDTH_MAX). */
const MAX_FIELD_WIDTH = (1 << 23) - 1;
const POINTER_DIGITS = 16;

/** r1 format, r2 its size with the closing zero, r3 to r5 arguments -> length of the whole text, or a negative errno. */
export function tracePrintk(context: HelperContext): void {
  const size = context.argument(2);
  if (size === 0n || size > BigInt(MAX_FORMAT_BYTES)) {
    context.setResult(-ERRNO.EINVAL);
    return;
  }
  const address = context.bytesAt(1, Number(size), 'read');
  const bytes = context.memory.bytes.slice(address, address + Number(size));
  const end = bytes.indexOf(0);
  const printed = end < 0 ? undefined : formatPrint(Buffer.from(bytes.subarray(0, end)).toString('latin1'), context);
  if (printed === undefined) {
    context.setResult(-ERRNO.EINVAL);
    return;
  }
  context.print(printed.text);
  context.setResult(printed.length);
}

type Kind =
  | 'd'
  | 'i'
  | 'u'
  | 'x'
  | 'X'
  | 'c'
  | 's'
  | 'pks'
  | 'pus'
  | 'p'
  | 'symbol'
  | 'pB'
  | 'pi4'
  | 'pI4'
  | 'pi6'
  | 'pI6';

interface Conversion {
  readonly flags: string;
  readonly width: number;
  /** 32 or 64; of integers only. */
  readonly bits: number;
  readonly kind: Kind;
  /** Index behind it in the format. */
  readonly end: number;
}

/** Characters of the kernel's table: isspace or ispunct, or the format's end. */
function endsConversion(character: string | undefined): boolean {
  return character === undefined || /[\t-\r -/:-@[-`{-~\xa0-\xbf\xd7\xf7]/.test(character);
}

/** What follows `%p`, by its letters. */
const POINTER_KINDS: Readonly<Record<string, Kind>> = {
  K: 'p',
  x: 'p',
  s: 'symbol',
  S: 'symbol',
  B: 'pB',
  i4: 'pi4',
  I4: 'pI4',
  i6: 'pi6',
  I6: 'pI6',
};

function readPointer(format: string, at: number): { kind: Kind; end: number } | undefined {
  if (endsConversion(format[at])) return { kind: 'p', end: at };
  const string = format.slice(at, at + 2);
  if (string === 'ks' || string === 'us') {
    if (!endsConversion(format[at + 2])) return undefined;
    return { kind: `p${string}`, end: at + 2 };
  }
  for (const length of [1, 2]) {
    const kind = POINTER_KINDS[format.slice(at, at + length)];
    if (kind !== undefined) return { kind, end: at + length };
  }
  return undefined;
}

/** Reads the conversion behind a `%` at `start`; undefined when the kernel does not know it. */
function readConversion(format: string, start: number): Conversion | undefined {
  let at = start;
  while ('0+- '.includes(format[at] ?? '?')) at++;
  const flags = format.slice(start, at);
  const widthStart = at;
  while ((format[at] ?? '') >= '0' && (format[at] ?? '') <= '9') at++;
  const width = Math.min(Number(format.slice(widthStart, at) || '0'), MAX_FIELD_WIDTH);
  if (format[at] === 'p') {
    const pointer = readPointer(format, at + 1);
    if (pointer === undefined) return undefined;
    // vsnprintf takes all letters and digits behind %p for a part of it.
    const { length } = /^[0-9A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff]*/.exec(format.slice(pointer.end))![0];
    return { flags, width, bits: 64, kind: pointer.kind, end: pointer.end + length };
  }
  if (format[at] === 'c') return { flags, width, bits: 32, kind: 'c', end: at + 1 };
  if (format[at] === 's') {
    return endsConversion(format[at + 1]) ? { flags, width, bits: 64, kind: 's', end: at + 1 } : undefined;
  }
  const integer = /^(l{0,2})([diuxX])/.exec(format.slice(at, at + 3));
  if (integer === null) return undefined;
  const [letters, longs, kind] = integer as unknown as [string, string, Kind];
  return { flags, width, bits: longs === '' ? 32 : 64, kind, end: at + letters.length };
}

/** Characters that may stand between conversions: any but ASCII's control characters that are no white space. */
function isLiteral(character: string): boolean {
  return character >= ' ' ? character !== '\x7f' : character >= '\t' && character <= '\r';
}

/** The text, cut to MAX_PRINT_BYTES, and its whole length; undefined for a format that the kernel refuses. */
function formatPrint(format: string, context: HelperContext): { text: string; length: number } | undefined {
  let text = '';
  let length = 0;
  let used = 0;
  const add = (piece: string, width: number) => {
    length += Math.max(piece.length, width);
    if (text.length < MAX_PRINT_BYTES) text += piece;
  };
  for (let at = 0; at < format.length; ) {
    const character = format[at]!;
    if (character !== '%' || format[at + 1] === '%') {
      if (!isLiteral(character)) return undefined;
      add(character, 1);
      at += character === '%' ? 2 : 1;
      continue;
    }
    const conversion = readConversion(format, at + 1);
    if (conversion === undefined || used === MAX_ARGUMENTS) return undefined;
    const piece = convert(conversion, context.argument(FIRST_ARGUMENT + used), context);
    if (WIDTHLESS.has(conversion.kind)) add(piece, 0);
    else add(pad(conversion, piece), conversion.width);
    used++;
    at = conversion.end;
  }
  return { text: text.slice(0, MAX_PRINT_BYTES), length };
}

/** Kinds that the kernel prints before vsnprintf sees the width. */
const WIDTHLESS: ReadonlySet<Kind> = new Set(['pks', 'pus', 'pB', 'pi4', 'pI4', 'pi6', 'pI6']);

function convert(conversion: Conversion, argument: bigint, context: HelperContext): string {
  const { kind, bits, flags, width } = conversion;
  const unsigned = BigInt.asUintN(bits, argument);
  switch (kind) {
    case 'd':
    case 'i': {
      const signed = BigInt.asIntN(bits, argument);
      if (signed >= 0n && flags.includes('+')) return `+${signed}`;
      return signed >= 0n && flags.includes(' ') ? ` ${signed}` : `${signed}`;
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
      return unsigned.toString(16).padStart(width === 0 ? POINTER_DIGITS : 1, '0');
    case 'symbol':
    case 'pB':
      // No guest address has a symbol.
      return `0x${unsigned.toString(16)}`;
    case 'pi4':
      return [...addressBytes(argument, 4, context)].map((byte) => String(byte).padStart(3, '0')).join('.');
    case 'pI4':
      return addressBytes(argument, 4, context).join('.');
    case 'pi6':
      return Buffer.from(addressBytes(argument, 16, context)).toString('hex');
    case 'pI6':
      return Buffer.from(addressBytes(argument, 16, context))
        .toString('hex')
        .replace(/....(?!$)/g, '$&:');
    case 's':
    case 'pks':
      return readString(argument, context);
    case 'pus':
      // There is no user memory.
      return '';
  }
}

/** Bytes at a guest address; zeroes where they cannot be read, as the kernel's fault-tolerant read gives. */
function addressBytes(address: bigint, size: number, context: HelperContext): Uint8Array {
  const at = Number(address);
  return context.memory.allows(at, size, PERMISSION.READ)
    ? Uint8Array.from(context.memory.bytes.subarray(at, at + size))
    : new Uint8Array(size);
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

/** The field, as far as it can be seen: what lies beyond MAX_PRINT_BYTES is cut off anyway. */
function pad(conversion: Conversion, text: string): string {
  const width = Math.min(conversion.width, MAX_PRINT_BYTES + text.length);
  if (conversion.flags.includes('-')) return text.padEnd(width);
  if (!conversion.flags.includes('0') || conversion.kind === 's' || conversion.kind === 'c')
    return text.padStart(width);
  const sign = /^[+ -]/.test(text) ? text[0]! : '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}
