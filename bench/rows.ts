/** What is measured: one row for each program, with the bytes it reads. */

/** How many lookups, calls or rounds a row's program makes in one run stands in its C. */
const CALLS = 64;
const HASH_ELEMENTS = 256;

export interface BenchRow {
  readonly name: string;
  /** NAME of bench/programs/NAME.o. */
  readonly object: string;
  /** Program that a run starts with. */
  readonly entry: string;
  /** `six`: the programs that the geometric mean is taken over; `apart`: rows of their own. */
  readonly group: 'six' | 'apart';
  /** Figures are shown per call: the run's time divided by this. */
  readonly calls: number;
  /** There is a NAME.wasm: the program calls no helper. */
  readonly hasWasm: boolean;
  readonly packet: () => Uint8Array;
  /** Map to fill: number n at key n, n below this. */
  readonly elements?: { readonly map: string; readonly count: number };
}

/** Bytes that look random and are the same every time (xorshift32). */
export function patternBytes(length: number, seed = 1): Uint8Array {
  let state = (seed * 0x9e37_79b9) | 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}

const FRAMES = 16;
const FRAME_BYTES = 96;

/** Frames for parse.c: plain, one tag, two tags, IP options, and one that is no TCP. */
function frames(): Uint8Array {
  const packet = patternBytes(FRAMES * FRAME_BYTES);
  for (let frame = 0; frame < FRAMES; frame++) {
    let at = frame * FRAME_BYTES + 12;
    const put = (...bytes: number[]) => {
      packet.set(bytes, at);
      at += bytes.length;
    };
    if (frame % 3 === 2) put(0x88, 0xa8, 0x00, frame);
    if (frame % 3 >= 1) put(0x81, 0x00, 0x00, frame + 1);
    put(0x08, 0x00, frame % 4 === 3 ? 0x46 : 0x45);
    packet[at + 8] = frame % 8 === 7 ? 17 : 6;
  }
  return packet;
}

const six = (name: string, entry: string, packet: () => Uint8Array): BenchRow => ({
  name,
  object: name,
  entry,
  group: 'six',
  calls: 1,
  hasWasm: true,
  packet,
});

const apart = (name: string, object: string, entry: string, rest: Partial<BenchRow> = {}): BenchRow => ({
  name,
  object,
  entry,
  group: 'apart',
  calls: 1,
  hasWasm: false,
  packet: () => new Uint8Array(64),
  ...rest,
});

export const LONGEST_CHAIN = 33;

const chains = (['constant', 'variable'] as const).flatMap((index) =>
  [1, 8, LONGEST_CHAIN].map((hops) =>
    apart(`${hops} hops, ${index} index`, `chain-${index}`, `step_${LONGEST_CHAIN - hops}`),
  ),
);

/** The floor of every other row. */
export const EMPTY_ROW: BenchRow = apart('empty', 'empty', 'empty', { hasWasm: true });

export const BENCH_ROWS: readonly BenchRow[] = [
  six('checksum', 'checksum', () => patternBytes(1500)),
  six('parse', 'parse_frames', frames),
  six('sort', 'sort', () => patternBytes(2 * 48 * 4)),
  six('hash64', 'hash64', () => patternBytes(64 * 8)),
  six('siphash', 'siphash', () => patternBytes(256)),
  six('sha256', 'sha256', () => patternBytes(4 * 64)),
  ...chains,
  apart('ktime_get_ns, a call', 'ktime', 'ktime', { calls: CALLS }),
  apart('array lookup, a call', 'lookup-array', 'lookup_array', {
    calls: CALLS,
    elements: { map: 'elements', count: HASH_ELEMENTS },
  }),
  apart('hash lookup, a call', 'lookup-hash', 'lookup_hash', {
    calls: CALLS,
    elements: { map: 'elements', count: HASH_ELEMENTS },
  }),
  apart('arithmetic loop', 'arithmetic', 'arithmetic', { hasWasm: true }),
];
