/** bpf_trace_printk: formats, arguments, and what Linux answers and prints. Measured on Linux 6.18. */

import type { RunDescription } from './engine-run.ts';

export interface PrintFormatRow {
  readonly format: string;
  /** r3 to r5; `text` is the address of the bytes `text` in a map. */
  readonly arguments?: readonly (bigint | 'text')[];
  readonly text?: string;
  /** What is printed; null: EINVAL. */
  readonly printed: string | null;
  /** What the helper answers, when it is not the length of `printed`. */
  readonly answer?: number;
}

/** r0 as the test run returns it, u32. */
export function printAnswer({ printed, answer }: PrintFormatRow): number {
  return printed === null ? 0xffff_ffea : (answer ?? printed.length);
}

const NEGATIVE = 0xffff_ffff_ffff_fff6n;
const LARGE = 0x1234_5678_9abc_def0n;

export const PRINT_ROWS: readonly PrintFormatRow[] = [
  { format: 'plain', printed: 'plain' },
  { format: '', printed: '' },
  { format: '100%%', printed: '100%' },
  { format: '%d %u', arguments: [NEGATIVE, NEGATIVE], printed: '-10 4294967286' },
  { format: '%i', arguments: [7n], printed: '7' },
  { format: '%ld %lu', arguments: [NEGATIVE, NEGATIVE], printed: '-10 18446744073709551606' },
  { format: '%lld %llu', arguments: [NEGATIVE, NEGATIVE], printed: '-10 18446744073709551606' },
  { format: '%d', arguments: [LARGE], printed: '-1698898192' },
  { format: '%x %X', arguments: [0xabcn, 0xabcn], printed: 'abc ABC' },
  { format: '%lx', arguments: [LARGE], printed: '123456789abcdef0' },
  { format: '%llX', arguments: [LARGE], printed: '123456789ABCDEF0' },
  { format: '%5d|%-5d|%05d', arguments: [42n, 42n, 42n], printed: '   42|42   |00042' },
  { format: '%+d % d', arguments: [42n, 42n], printed: '+42  42' },
  { format: '%05d', arguments: [NEGATIVE], printed: '-0010' },
  { format: '%08x', arguments: [0xbeefn], printed: '0000beef' },
  { format: '%c%c', arguments: [0x41n, 0x42n], printed: 'AB' },
  { format: '%3c|', arguments: [0x41n], printed: '  A|' },
  { format: '%s', arguments: ['text'], text: 'hello', printed: 'hello' },
  { format: '%s %d %s', arguments: ['text', 1n, 'text'], text: 'ab', printed: 'ab 1 ab' },
  { format: '%s', arguments: ['text'], text: '', printed: '' },
  { format: '%d %d %d', arguments: [1n, 2n, 3n], printed: '1 2 3' },
  { format: '%d %d %d %d', arguments: [1n, 2n, 3n], printed: null },
  { format: '%pi4', arguments: ['text'], text: '\x7f\x01\x02\x03', printed: '127.001.002.003' },
  { format: '%pI4', arguments: ['text'], text: '\x7f\x01\x02\x03', printed: '127.1.2.3' },
  { format: '%20pI4|', arguments: ['text'], text: '\x7f\x01\x02\x03', printed: '127.1.2.3|' },
  { format: '%pi6', arguments: ['text'], text: '\x20\x01\x0d\xb8', printed: '20010db8000000000000000000000000' },
  { format: '%pI6', arguments: ['text'], text: '\x20\x01\x0d\xb8', printed: '2001:0db8:0000:0000:0000:0000:0000:0000' },
  { format: '%pI6c', arguments: ['text'], text: '\xff', printed: 'ff00:0000:0000:0000:0000:0000:0000:0000' },
  { format: '%5pks|', arguments: ['text'], text: 'ab', printed: 'ab|' },
  { format: '%pi4x9-y', arguments: ['text'], text: '\x01\x02\x03\x04', printed: '001.002.003.004-y' },
  { format: '%pus|', arguments: ['text'], text: 'ab', printed: '|' },
  { format: '%pc', arguments: ['text'], printed: null },
  { format: '%pk', arguments: ['text'], printed: null },
  { format: '%pksa', arguments: ['text'], printed: null },
  { format: '%p4', arguments: ['text'], printed: null },
  { format: '%sx', arguments: ['text'], text: 'ab', printed: null },
  { format: '%s_%s.', arguments: ['text', 'text'], text: 'ab', printed: 'ab_ab.' },
  { format: '%10s|%-10s|', arguments: ['text', 'text'], text: 'abc', printed: '       abc|abc       |' },
  { format: '%05s', arguments: ['text'], text: 'abc', printed: '  abc' },
  { format: '%00005d|%-05d|', arguments: [65n, 65n], printed: '00065|65   |' },
  { format: '%+x|% x', arguments: [65n, 65n], printed: '41|41' },
  { format: '%+c|%-3c|%03c|', arguments: [65n, 65n, 65n], printed: 'A|A  |  A|' },
  { format: '%lc', arguments: [65n], printed: null },
  { format: '%600d', arguments: [7n], printed: '7'.padStart(600) },
  { format: '%1100d', arguments: [7n], printed: ' '.repeat(1023), answer: 1100 },
  { format: '%-40000dx', arguments: [7n], printed: '7'.padEnd(1023), answer: 40_001 },
  { format: '%', printed: null },
  { format: '%z', printed: null },
  { format: '%l', printed: null },
  { format: '%lllu', printed: null },
  { format: '%hd', arguments: [1n], printed: null },
  { format: '%#x', arguments: [255n], printed: null },
  { format: '%.3d', arguments: [5n], printed: null },
  { format: '%*d', arguments: [5n, 6n], printed: null },
  { format: '%f', arguments: [1n], printed: null },
  { format: '%n', arguments: [1n], printed: null },
  { format: '%o', arguments: [8n], printed: null },
  { format: '%ls', arguments: ['text'], text: 'x', printed: null },
  { format: '\x07', printed: null },
  { format: '\x7f', printed: null },
  { format: 'a\x01b', printed: null },
  { format: '\x0b\x0c\x0d', printed: '\x0b\x0c\x0d' },
  { format: '\xe9\x80\xff', printed: '\xe9\x80\xff' },
  { format: 'line\n', printed: 'line\n' },
  { format: 'tab\t', printed: 'tab\t' },
];

const FORMAT_BYTES = 64;

function padded(text: string): string {
  return Buffer.from(text.padEnd(FORMAT_BYTES, '\0'), 'latin1').toString('hex');
}

/** A program that prints the row and returns what the helper answered. */
export function printRowRun({ format, arguments: values = [], text = '' }: PrintFormatRow): RunDescription {
  const find = (element: number, register: string) => `*(u32 *)(r10 - 4) = ${element}
r1 = f ll
r2 = r10
r2 += -4
call map_lookup_elem
if r0 == 0 goto out
${register} = r0
`;
  const load = values.map(
    (value, index) => `r${3 + index} = ${value === 'text' ? 'r7' : `0x${value.toString(16)} ll`}\n`,
  );
  const rest = [3, 4, 5].slice(values.length).map((register) => `r${register} = 0\n`);
  return {
    programs: {
      p: `${find(0, 'r6')}${find(1, 'r7')}r1 = r6
r2 = ${format.length + 1}
${load.join('')}${rest.join('')}call trace_printk
out:
exit`,
    },
    maps: {
      f: {
        valueSize: FORMAT_BYTES,
        maxEntries: 2,
        entries: [
          ['00000000', padded(format)],
          ['01000000', padded(text)],
        ],
      },
    },
  };
}
