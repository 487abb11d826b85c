/** Commands of user space on a prog array with four slots, in order, each with what Linux 6.18 answers. */

import { ELEMENT_FLAGS, type OfferedProgram } from '../../src/spec/prog-array.ts';

/** Programs that rows offer, by name; all are `r0 = 0; exit`. */
export const OFFERED = {
  tc: { type: 'sched_cls', attachType: null, flags: [], license: 'GPL' },
  tcProprietary: { type: 'sched_cls', attachType: null, flags: [], license: 'none' },
  tcxIngress: { type: 'sched_cls', attachType: 'tcx_ingress', flags: [], license: 'GPL' },
  action: { type: 'sched_act', attachType: null, flags: [], license: 'GPL' },
  socket: { type: 'socket_filter', attachType: null, flags: [], license: 'GPL' },
  xdp: { type: 'xdp', attachType: null, flags: [], license: 'GPL' },
  xdpFrags: { type: 'xdp', attachType: null, flags: ['xdp_has_frags'], license: 'GPL' },
  xdpDevmap: { type: 'xdp', attachType: 'xdp_devmap', flags: [], license: 'GPL' },
} as const;

export type OfferedName = keyof typeof OFFERED;
/** What an update may offer that is no program. */
export type NoProgram = Exclude<OfferedProgram, object>;

export type Command =
  | {
      readonly do: 'update';
      readonly index: number;
      readonly program: OfferedName | NoProgram;
      readonly flags?: number;
    }
  | { readonly do: 'delete'; readonly index: number }
  /** `finds`: the program whose id comes back. */
  | { readonly do: 'lookup'; readonly index: number; readonly flags?: number; readonly finds?: OfferedName }
  | { readonly do: 'next'; readonly index: number | null; readonly finds?: number }
  | { readonly do: 'freeze' }
  /** BPF_PROG_LOAD of a program that refers to the array. */
  | { readonly do: 'load'; readonly program: OfferedName };

export interface ProgArrayRow {
  readonly name: string;
  /** MAP_FLAGS by name; default none. */
  readonly flags?: readonly ('rdonly' | 'wronly')[];
  /** Each with its errno; null: success. */
  readonly commands: readonly (readonly [Command, string | null])[];
}

const put = (index: number, program: OfferedName | NoProgram, flags = 0): Command => ({
  do: 'update',
  index,
  program,
  flags,
});
const get = (index: number, finds?: OfferedName): Command => ({
  do: 'lookup',
  index,
  ...(finds === undefined ? {} : { finds }),
});
const drop = (index: number): Command => ({ do: 'delete', index });
const next = (index: number | null, finds?: number): Command => ({
  do: 'next',
  index,
  ...(finds === undefined ? {} : { finds }),
});
const load = (program: OfferedName): Command => ({ do: 'load', program });
const FREEZE: Command = { do: 'freeze' };
const PAST_END = 4;
const LAST = 0xffff_ffff;

const ELEMENTS: readonly ProgArrayRow[] = [
  {
    name: 'lookup: a filled slot, an empty one, one past the end',
    commands: [
      [put(1, 'tc'), null],
      [get(1, 'tc'), null],
      [get(0), 'ENOENT'],
      [get(PAST_END), 'ENOENT'],
      [get(LAST), 'ENOENT'],
      [{ do: 'lookup', index: 1, flags: ELEMENT_FLAGS.lock }, 'EINVAL'],
      [{ do: 'lookup', index: 1, flags: 8 }, 'EINVAL'],
    ],
  },
  {
    name: 'delete: a filled slot, an empty one, one past the end',
    commands: [
      [put(1, 'tc'), null],
      [drop(1), null],
      [drop(1), 'ENOENT'],
      [drop(0), 'ENOENT'],
      [drop(PAST_END), 'E2BIG'],
      [drop(LAST), 'E2BIG'],
    ],
  },
  {
    name: 'update replaces',
    commands: [
      [put(1, 'tc'), null],
      [put(1, 'tcProprietary'), null],
      [get(1, 'tcProprietary'), null],
      [put(1, 'tc'), null],
      [get(1, 'tc'), null],
    ],
  },
  {
    name: 'update: flags before index before descriptor',
    commands: [
      ...[ELEMENT_FLAGS.noexist, ELEMENT_FLAGS.exist, ELEMENT_FLAGS.lock, 8].map(
        (flags) => [put(PAST_END, 'bad_descriptor', flags), 'EINVAL'] as const,
      ),
      [put(1, 'tc', ELEMENT_FLAGS.exist), 'EINVAL'],
      [put(PAST_END, 'bad_descriptor'), 'E2BIG'],
      [put(LAST, 'not_a_program'), 'E2BIG'],
      [put(1, 'bad_descriptor'), 'EBADF'],
      [put(1, 'not_a_program'), 'EINVAL'],
      [get(1), 'ENOENT'],
    ],
  },
  {
    name: 'keys: all indexes, empty slots too',
    commands: [
      [next(null, 0), null],
      [next(0, 1), null],
      [next(2, 3), null],
      [next(3), 'ENOENT'],
      [next(PAST_END, 0), null],
      [next(LAST, 0), null],
    ],
  },
  {
    name: 'a frozen array is read, never written',
    commands: [
      [put(1, 'tc'), null],
      [FREEZE, null],
      [put(1, 'tc'), 'EPERM'],
      [put(PAST_END, 'bad_descriptor', ELEMENT_FLAGS.noexist), 'EPERM'],
      [drop(1), 'EPERM'],
      [drop(PAST_END), 'EPERM'],
      [get(1, 'tc'), null],
      [next(null, 0), null],
      [FREEZE, 'EPERM'],
    ],
  },
  {
    name: 'rdonly: user space only reads',
    flags: ['rdonly'],
    commands: [
      [put(PAST_END, 'bad_descriptor', ELEMENT_FLAGS.noexist), 'EPERM'],
      [drop(PAST_END), 'EPERM'],
      [get(1), 'ENOENT'],
      [next(null, 0), null],
      [FREEZE, 'EPERM'],
    ],
  },
  {
    name: 'wronly: user space only writes',
    flags: ['wronly'],
    commands: [
      [put(1, 'tc'), null],
      [get(1), 'EPERM'],
      [{ do: 'lookup', index: 1, flags: ELEMENT_FLAGS.lock }, 'EPERM'],
      [{ do: 'lookup', index: 1, flags: 8 }, 'EINVAL'],
      [next(null), 'EPERM'],
      [drop(1), null],
      [FREEZE, null],
    ],
  },
];

/** A first program, then others that want in. */
const OWNERS: readonly (readonly [OfferedName, Partial<Record<OfferedName, string | null>>])[] = [
  ['tc', { tcProprietary: null, tcxIngress: 'EINVAL', action: 'EINVAL', socket: 'EINVAL', xdp: 'EINVAL' }],
  ['tcxIngress', { tc: 'EINVAL', tcxIngress: null }],
  ['xdp', { xdpFrags: 'EINVAL', xdpDevmap: 'EINVAL', tc: 'EINVAL', xdp: null }],
  ['xdpFrags', { xdp: 'EINVAL', xdpFrags: null }],
  ['xdpDevmap', { xdp: 'EINVAL', xdpDevmap: null }],
];

const COMPATIBILITY: readonly ProgArrayRow[] = [
  ...OWNERS.flatMap(([first, others]): ProgArrayRow[] =>
    (['update', 'load'] as const).map((how) => ({
      name: `the array belongs to ${first} (${how})`,
      commands: [
        [how === 'load' ? load(first) : put(0, first), null],
        ...Object.entries(others).flatMap(([other, errno]) => [
          [put(1, other as OfferedName), errno] as const,
          [load(other as OfferedName), errno] as const,
        ]),
      ],
    })),
  ),
  {
    name: 'the owner stays when its program has gone',
    commands: [
      [put(0, 'tc'), null],
      [drop(0), null],
      [put(0, 'xdp'), 'EINVAL'],
      [load('xdp'), 'EINVAL'],
      [put(0, 'tc'), null],
    ],
  },
  {
    name: 'an update that fails binds nothing',
    commands: [
      [put(PAST_END, 'tc'), 'E2BIG'],
      [put(0, 'tc', ELEMENT_FLAGS.noexist), 'EINVAL'],
      [put(0, 'not_a_program'), 'EINVAL'],
      [put(0, 'xdp'), null],
      [put(0, 'tc'), 'EINVAL'],
    ],
  },
];

export const PROG_ARRAY_ROWS: readonly ProgArrayRow[] = [...ELEMENTS, ...COMPATIBILITY];
