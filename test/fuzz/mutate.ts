/** Valid bytes and texts, changed a little: what a reader must survive. */

import type { Random } from './random.ts';

const EXTREMES = [0, 1, 2, 3, 7, 0x7f, 0x80, 0xfe, 0xff];
const WORDS = [0, 1, 8, 0x7f, 0xff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
/** A copied span is at most this long, so that inputs stay about as long as they were. */
const MOST_SPAN = 64;
const MOST_CHANGES = 6;

type Change = (random: Random, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

function spanOf(random: Random, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1);
  return bytes.subarray(start, start + random.between(1, MOST_SPAN));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function insert(random: Random, bytes: Uint8Array, span: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  return join(bytes.subarray(0, at), span, bytes.subarray(at));
}

/** Changes that keep every other byte in its place. */
const IN_PLACE: readonly Change[] = [
  (random, bytes) => {
    bytes[random.below(bytes.length)] = random.pick(EXTREMES);
    return bytes;
  },
  (random, bytes) => {
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  (random, bytes) => {
    const at = random.below(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length < 4) return bytes;
    const at = random.below(bytes.length - 3) & ~3;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, random.pick(WORDS), true);
    return bytes;
  },
  (random, bytes, other) => {
    const span = spanOf(random, other);
    const at = random.below(bytes.length);
    bytes.set(span.subarray(0, bytes.length - at), at);
    return bytes;
  },
];

/** Changes that move what follows. */
const MOVING: readonly Change[] = [
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => insert(random, bytes, random.bytes(random.between(1, 8))),
  (random, bytes) => insert(random, bytes, spanOf(random, bytes)),
  (random, bytes, other) => insert(random, bytes, spanOf(random, other)),
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return join(bytes.subarray(0, at), bytes.subarray(at + random.between(1, MOST_SPAN)));
  },
];

/** One change in half of all cases: with many, readers seldom get far. */
function countOf(random: Random): number {
  return random.chance(50) ? 1 : random.between(1, MOST_CHANGES);
}

/**
 * A changed copy of one of `seeds`.
 * @param movingPercent how many of 100 changes may move bytes: few where offsets count, many in texts
 */
export function mutate(random: Random, seeds: readonly Uint8Array[], movingPercent: number): Uint8Array {
  let bytes = random.pick(seeds).slice();
  for (let changes = countOf(random); changes > 0 && bytes.length > 0; changes--) {
    const change = random.pick(random.chance(movingPercent) ? MOVING : IN_PLACE);
    bytes = change(random, bytes, random.pick(seeds)).slice();
  }
  return bytes;
}

/** Numbers at the borders of fields, in the spellings that assemblers take. */
const NUMBERS = [
  '0',
  '-1',
  '32767',
  '32768',
  '-32769',
  '4294967295',
  '0x7fffffff',
  '-0x80000001',
  '0xffffffffffffffff',
  '99999999999999999999',
];

function tokensOf(text: Uint8Array): string[] {
  return (
    Buffer.from(text)
      .toString('latin1')
      .match(/\w+|\s|[^\w\s]/g) ?? []
  );
}

/** A changed copy of one of the texts (Latin-1): words and lines of it and of others in other places, and sometimes bytes as in `mutate`. */
export function mutateText(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  if (random.chance(20)) return mutate(random, seeds, 60);
  const tokens = tokensOf(random.pick(seeds));
  for (let changes = countOf(random); changes > 0; changes--) {
    const at = random.below(tokens.length + 1);
    const other = tokensOf(random.pick(seeds));
    switch (random.below(5)) {
      case 0:
        tokens.splice(at, 1, random.pick(other));
        break;
      case 1:
        tokens.splice(at, random.between(0, 3));
        break;
      case 2:
        tokens.splice(at, 0, '\n', ...other.slice(0, MOST_SPAN), '\n');
        break;
      case 3: {
        const number = tokens.findIndex((token, index) => index >= at && /^\d/.test(token));
        if (number >= 0) tokens[number] = random.pick(NUMBERS);
        break;
      }
      default:
        tokens.splice(at, 0, random.pick(other));
    }
  }
  return new Uint8Array(Buffer.from(tokens.join(''), 'latin1'));
}
