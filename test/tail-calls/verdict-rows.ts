/** What Linux 6.18 says of programs with a tail call, beyond test/verifier/rows.ts: tests of the kernel that end in a verdict, and types. */

import type { MapSpec, ProgramSpec } from '../../src/spec/object.ts';
import {
  call,
  chain,
  EXIT,
  type Frame,
  helper,
  join,
  loadMap,
  map,
  program,
  R0,
  slot,
  staticFunctions,
  TAIL_CALL,
} from '../verifier/build.ts';

export interface VerdictRow {
  /** Of the kernel's tests, or of the rule. */
  readonly test: string;
  readonly variant: string;
  readonly program: ProgramSpec;
  readonly maps: readonly MapSpec[];
  /** Linux's answer; null: it loads the program. */
  readonly linux: { readonly errno: string; readonly message: string } | null;
  /**
   * What we lack to give this verdict, and say instead: the name of a feature that is refused as not implemented, or `registers` where the
   * level `structure` accepts what only a walk over register states can refuse. null: our answer is Linux's.
   */
  readonly awaits: string | null;
}

/** sk_lookup_tcp over a tuple of zeros; the socket, or 0, is in r0. r6 keeps the context. */
const LOOKUP: readonly Uint8Array[] = [
  slot(0xbf, 6, 1),
  ...[-8, -16, -24, -32, -40, -48].map((offset) => slot(0x7a, 10, 0, offset)),
  slot(0xbf, 2, 10),
  slot(0x07, 2, 0, 0, -48),
  slot(0xb7, 3, 0, 0, 36),
  slot(0xb7, 4),
  slot(0xb7, 5),
  helper(84),
];
const JUMP: readonly Uint8Array[] = [slot(0xbf, 1, 6), loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0];
const RELEASE = helper(86);
const LEAK = { errno: 'EINVAL', message: 'tail_call would lead to reference leak' };
const SOCKETS = 'helper bpf_sk_lookup_tcp#84';

function row(
  test: string,
  variant: string,
  parts: readonly Uint8Array[],
  linux: VerdictRow['linux'],
  awaits: string | null = null,
  maps: readonly MapSpec[] = [map('prog_array')],
): VerdictRow {
  return { test, variant, program: program(join(parts), { type: 'sched_cls' }), maps, linux, awaits };
}

const TESTS: readonly VerdictRow[] = [
  row(
    'verifier_tailcall',
    'an array',
    [slot(0xbf, 6, 1), ...JUMP, EXIT],
    {
      errno: 'EINVAL',
      message: 'expected prog array map for tail call',
    },
    null,
    [map('array')],
  ),
  row(
    'verifier_ref_tracking',
    'a reference or a tail call',
    [...LOOKUP, slot(0x15, 0, 0, 4), slot(0xbf, 1, 0), RELEASE, R0, EXIT, ...JUMP, EXIT],
    null,
    SOCKETS,
  ),
  row(
    'verifier_ref_tracking',
    'release, then tail call',
    [...LOOKUP, slot(0x15, 0, 0, 2), slot(0xbf, 1, 0), RELEASE, ...JUMP, EXIT],
    null,
    SOCKETS,
  ),
  row('verifier_ref_tracking', 'leak: the socket is kept', [...LOOKUP, slot(0xbf, 7, 0), ...JUMP, EXIT], LEAK, SOCKETS),
  row(
    'verifier_ref_tracking',
    'leak: released behind the call',
    [...LOOKUP, slot(0x55, 0, 0, 2), R0, EXIT, slot(0xbf, 7, 0), ...JUMP, slot(0xbf, 1, 7), RELEASE, EXIT],
    LEAK,
    SOCKETS,
  ),
  row(
    'tailcall_failure',
    'a record of a ring buffer is held',
    [
      slot(0xbf, 6, 1),
      loadMap(1, 1),
      slot(0xb7, 2, 0, 0, 8),
      slot(0xb7, 3),
      helper(131),
      slot(0xbf, 7, 0),
      ...JUMP,
      EXIT,
    ],
    LEAK,
    'helper bpf_ringbuf_reserve#131',
    [map('prog_array'), map('ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 })],
  ),
  {
    ...row(
      'verifier_sock: invalidate_pkt_pointers_by_tail_call',
      '',
      [
        slot(0xbf, 6, 1),
        slot(0x61, 7, 1, 76),
        slot(0x61, 8, 1, 80),
        slot(0xbf, 2, 7),
        slot(0x07, 2, 0, 0, 4),
        slot(0x2d, 2, 8, 3),
        slot(0xbf, 1, 6),
        call(3),
        slot(0x62, 7, 0, 0, 42),
        R0,
        EXIT,
        loadMap(2, 0),
        slot(0xb7, 3),
        TAIL_CALL,
        R0,
        EXIT,
      ],
      { errno: 'EACCES', message: "R7 invalid mem access 'scalar'" },
      'registers',
    ),
  },
].map((one) =>
  one.test.startsWith('verifier_sock')
    ? { ...one, program: { ...one.program, hasBtf: true, functions: staticFunctions([11]) } }
    : one,
);

/** Frames of a chain of functions; T contains a tail call. Boundaries as measured; those in eights are in test/verifier/rows.ts. */
const T = (bytes: number): Frame => ({ bytes, tailCalls: true });
const above = (bytes: number) => ({
  errno: 'EACCES',
  message: `tail_calls are not allowed when call stack of previous frames is ${bytes} bytes. Too large`,
});
const STACKS: readonly VerdictRow[] = (
  [
    ['512T alone', [T(512)], null],
    ['240 + 272T', [{ bytes: 240 }, T(272)], null],
    ['144 + 96 + 8T', [{ bytes: 144 }, { bytes: 96 }, T(8)], null],
    ['160 + 96 + 8T', [{ bytes: 160 }, { bytes: 96 }, T(8)], above(256)],
    ['256T + 256', [T(256), { bytes: 256 }], null],
    ['176 + 64 + 128T', [{ bytes: 176 }, { bytes: 64 }, T(128)], null],
    ['192 + 64 + 128T', [{ bytes: 192 }, { bytes: 64 }, T(128)], above(256)],
  ] as const
).map(([variant, frames, linux]) => ({
  test: 'stack depth',
  variant,
  program: program(join([]), { ...chain(frames), type: 'sched_cls' }),
  maps: [map('prog_array')],
  linux,
  awaits: null,
}));

const SLEEP = {
  errno: 'EINVAL',
  message: 'Sleepable programs can only use array, hash, ringbuf and local storage maps',
};
const typed = (variant: string, settings: Partial<ProgramSpec>, linux: VerdictRow['linux']): VerdictRow => ({
  test: 'sleepable',
  variant,
  program: program(join([loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT]), settings),
  maps: [map('prog_array')],
  linux,
  awaits: null,
});
const SLEEPABLE: readonly VerdictRow[] = [
  typed('syscall', { type: 'syscall', flags: ['sleepable'] }, SLEEP),
  typed(
    'syscall without the flag',
    { type: 'syscall' },
    { errno: 'EINVAL', message: 'Syscall programs can only be sleepable' },
  ),
  typed('sched_cls', { type: 'sched_cls', flags: ['sleepable'] }, SLEEP),
  typed('kprobe', { type: 'kprobe', flags: ['sleepable'] }, SLEEP),
  {
    ...typed(
      'xdp without a prog array',
      { type: 'xdp', flags: ['sleepable'], code: join([R0, EXIT]) },
      {
        errno: 'EINVAL',
        message: 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable',
      },
    ),
    maps: [],
  },
];

export const VERDICT_ROWS: readonly VerdictRow[] = [...TESTS, ...STACKS, ...SLEEPABLE];
