/** What Linux 6.18 says of small programs that break, or just keep, one structural rule. */

import type { MapSpec, ProgramSpec } from '../../src/spec/object.ts';
import type { RuleName } from '../../src/verifier/rules.ts';
import {
  call,
  chain,
  EXIT,
  type Frame,
  helper,
  join,
  loadMap,
  loadValue,
  map,
  program,
  R0,
  slot,
  staticFunctions,
  TAIL_CALL,
} from './build.ts';

export interface VerifierRow {
  readonly name: string;
  readonly program: ProgramSpec;
  readonly maps: readonly MapSpec[];
  /** null: Linux loads it. */
  readonly refused: { readonly rule: RuleName; readonly errno: string; readonly message: string } | null;
}

type Refused = readonly [rule: RuleName, errno: string, message: string] | null;
interface Settings extends Partial<Omit<ProgramSpec, 'code'>> {
  readonly maps?: readonly MapSpec[];
}

function row(name: string, parts: readonly Uint8Array[], refused: Refused, settings: Settings = {}): VerifierRow {
  const { maps = [], ...rest } = settings;
  return {
    name,
    program: program(join(parts), rest),
    maps,
    refused: refused === null ? null : { rule: refused[0], errno: refused[1], message: refused[2] },
  };
}

const reserved = (what: string): Refused => ['reserved_fields', 'EINVAL', `${what} uses reserved fields`];
const register = (number: number): Refused => ['register', 'EINVAL', `R${number} is invalid`];
const NOT_PACKET: Refused = ['packet_load_context', 'EINVAL', 'at the time of BPF_LD_ABS|IND R6 != pointer to skb'];
const FRAME_POINTER: Refused = ['frame_pointer', 'EACCES', 'frame pointer is read only'];
const LAST: Refused = ['last_instruction', 'EINVAL', 'last insn is not an exit or jmp'];
const atomic = (imm: number, source = 0): Uint8Array[] => [
  R0,
  slot(0x7a, 10, 0, -8),
  slot(0xdb, 10, source, -8, imm),
  EXIT,
];
/** r0 = 0; if r0 == 0 goto +1; <dead>; exit */
const dead = (part: Uint8Array): Uint8Array[] => [R0, slot(0x15, 0, 0, part.length / 8), part, EXIT];

const ENCODING: readonly VerifierRow[] = [
  row('no instruction', [], ['program_size', 'E2BIG', '']),
  row('unknown opcode', [R0, slot(0xff), EXIT], ['opcode', 'EINVAL', 'unknown opcode ff']),
  row('unknown opcode in dead code', dead(slot(0xff)), ['opcode', 'EINVAL', 'unknown opcode ff']),
  row('the kernel-internal tail call', [R0, slot(0xf5), EXIT], ['opcode', 'EINVAL', 'unknown opcode f5']),
  row('callx', [R0, slot(0x8d, 1), EXIT], ['opcode', 'EINVAL', 'unknown opcode 8d']),
  row('8-byte LD_ABS', [R0, slot(0x38), EXIT], ['opcode', 'EINVAL', 'unknown opcode 38']),
  row('mov imm with src', [slot(0xb7, 0, 1), EXIT], reserved('BPF_MOV')),
  row('mov imm with offset', [slot(0xb7, 0, 0, 1), EXIT], reserved('BPF_MOV')),
  row('mov reg with imm', [slot(0xbf, 0, 1, 0, 1), EXIT], reserved('BPF_MOV')),
  row('movsx of 7 bits', [slot(0xbf, 0, 1, 7), EXIT], reserved('BPF_MOV')),
  row('movsx of 32 bits', [slot(0xb7, 1), slot(0xbf, 0, 1, 32), EXIT], null),
  row('movsx of 32 bits in 32', [slot(0xb7, 1), slot(0xbc, 0, 1, 32), EXIT], reserved('BPF_MOV')),
  row('movsx of 8 bits in 32', [slot(0xb7, 1), slot(0xbc, 0, 1, 8), EXIT], null),
  row(
    'address space cast',
    [slot(0xb7, 1), slot(0xbf, 0, 1, 1, 1), EXIT],
    ['arena', 'EINVAL', 'addr_space_cast insn can only be used in a program that has an associated arena'],
  ),
  row('add imm with src', [R0, slot(0x07, 0, 1), EXIT], reserved('BPF_ALU')),
  row('add imm with offset', [R0, slot(0x07, 0, 0, 1), EXIT], reserved('BPF_ALU')),
  row('add reg with imm', [R0, slot(0x0f, 0, 0, 0, 1), EXIT], reserved('BPF_ALU')),
  row('add reg with offset -1', [R0, slot(0x0f, 0, 0, -1), EXIT], reserved('BPF_ALU')),
  row('sdiv', [R0, slot(0x37, 0, 0, 1, 1), EXIT], null),
  row('div with offset 2', [R0, slot(0x37, 0, 0, 2, 1), EXIT], reserved('BPF_ALU')),
  row('div with offset -1', [R0, slot(0x37, 0, 0, -1, 1), EXIT], reserved('BPF_ALU')),
  row('div by 0', [R0, slot(0x37), EXIT], ['division', 'EINVAL', 'div by zero']),
  row('mod32 by 0', [R0, slot(0x94), EXIT], ['division', 'EINVAL', 'div by zero']),
  row('sdiv by 0', [R0, slot(0x37, 0, 0, 1), EXIT], ['division', 'EINVAL', 'div by zero']),
  row('div of r10 by 0', [R0, slot(0x37, 10), EXIT], ['division', 'EINVAL', 'div by zero']),
  row('div of r11 by 0', [R0, slot(0x37, 11), EXIT], register(11)),
  row('shift by 64', [R0, slot(0x67, 0, 0, 0, 64), EXIT], ['shift', 'EINVAL', 'invalid shift 64']),
  row('shift by 63', [R0, slot(0x67, 0, 0, 0, 63), EXIT], null),
  row('shift by -1', [R0, slot(0x67, 0, 0, 0, -1), EXIT], ['shift', 'EINVAL', 'invalid shift -1']),
  row('shift32 by 32', [R0, slot(0x64, 0, 0, 0, 32), EXIT], ['shift', 'EINVAL', 'invalid shift 32']),
  row('arsh32 by 33', [R0, slot(0xc4, 0, 0, 0, 33), EXIT], ['shift', 'EINVAL', 'invalid shift 33']),
  row('neg with src', [R0, slot(0x87, 0, 1), EXIT], reserved('BPF_NEG')),
  row('neg with imm', [R0, slot(0x87, 0, 0, 0, 1), EXIT], reserved('BPF_NEG')),
  row('neg with offset', [R0, slot(0x87, 0, 0, 1), EXIT], reserved('BPF_NEG')),
  row('neg of r10', [R0, slot(0x87, 10), EXIT], FRAME_POINTER),
  row('le8', [R0, slot(0xd4, 0, 0, 0, 8), EXIT], reserved('BPF_END')),
  row('le16 with offset', [R0, slot(0xd4, 0, 0, 1, 16), EXIT], reserved('BPF_END')),
  row('le16 with src', [R0, slot(0xd4, 0, 1, 0, 16), EXIT], reserved('BPF_END')),
  row('bswap8', [R0, slot(0xd7, 0, 0, 0, 8), EXIT], reserved('BPF_END')),
  row('bswap64', [R0, slot(0xd7, 0, 0, 0, 64), EXIT], null),
  row('be16 of r10', [R0, slot(0xdc, 10, 0, 0, 16), EXIT], FRAME_POINTER),
  row('mov to r10', [slot(0xb7, 10), R0, EXIT], FRAME_POINTER),
  row('mov to r11', [slot(0xb7, 11), R0, EXIT], register(11)),
  row('mov from r11 to r10', [slot(0xbf, 10, 11), EXIT], register(11)),
  row('add to r10', [slot(0x07, 10, 0, 0, 8), R0, EXIT], FRAME_POINTER),
  row('load to r10', [slot(0x79, 10, 1), R0, EXIT], FRAME_POINTER),
  row('load from r11 to r12', [R0, slot(0x79, 12, 11), EXIT], register(11)),
  row('load with imm', [slot(0x61, 0, 1, 12, 1), EXIT], reserved('BPF_LDX')),
  row('load with imm in dead code', dead(slot(0x61, 0, 1, 12, 1)), reserved('BPF_LDX')),
  row('store with imm', [R0, slot(0x7b, 10, 0, -8, 1), EXIT], reserved('BPF_STX')),
  row('store imm with src', [R0, slot(0x7a, 10, 1, -8, 1), EXIT], reserved('BPF_ST')),
  row('store of r11 to r12', [R0, slot(0x7b, 12, 11), EXIT], register(11)),
  row('store to r12', [R0, slot(0x7a, 12), EXIT], register(12)),
  row('atomic 02', atomic(0x02), ['atomic', 'EINVAL', 'BPF_ATOMIC uses invalid atomic opcode 02']),
  row('atomic e0', atomic(0xe0), ['atomic', 'EINVAL', 'BPF_ATOMIC uses invalid atomic opcode e0']),
  row('atomic 1f1', atomic(0x1f1), ['atomic', 'EINVAL', 'BPF_ATOMIC uses invalid atomic opcode 1f1']),
  row('atomic of r11', atomic(0, 11), register(11)),
  row('fetch to r10', atomic(1, 10), FRAME_POINTER),
  row('cmpxchg', atomic(0xf1), null),
  row('atomic on a byte', [R0, slot(0xd3, 10, 0, -8), EXIT], ['atomic', 'EINVAL', 'invalid atomic operand size']),
  row('atomic on 2 bytes', [R0, slot(0xcb, 10, 0, -8), EXIT], ['atomic', 'EINVAL', 'invalid atomic operand size']),
  row('call with offset', [helper(7), slot(0x85, 0, 0, 1, 7), EXIT], reserved('BPF_CALL')),
  row('call with dst', [slot(0x85, 1, 0, 0, 7), EXIT], reserved('BPF_CALL')),
  row('call with src 3', [slot(0x85, 0, 3, 0, 7), EXIT], reserved('BPF_CALL')),
  row('local call with offset', [slot(0x85, 0, 1, 1, 1), EXIT, R0, EXIT], reserved('BPF_CALL')),
  row('exit with imm', [R0, slot(0x95, 0, 0, 0, 1)], reserved('BPF_EXIT')),
  row('exit with dst', [R0, slot(0x95, 1)], reserved('BPF_EXIT')),
  row('exit with src', [R0, slot(0x95, 0, 1)], reserved('BPF_EXIT')),
  row('exit with offset', [R0, slot(0x95, 0, 0, 1)], null),
  row('goto with dst', [R0, slot(0x05, 1), EXIT], reserved('BPF_JA')),
  row('goto with imm', [R0, slot(0x05, 0, 0, 0, 1), EXIT], reserved('BPF_JA')),
  row('gotol with offset', [R0, slot(0x06, 0, 0, 1), EXIT], reserved('BPF_JA')),
  row('gotol with src', [R0, slot(0x06, 0, 1), EXIT], reserved('BPF_JA')),
  row('jeq imm with src', [R0, slot(0x15, 0, 1), EXIT], reserved('BPF_JMP/JMP32')),
  row('jeq reg with imm', [R0, slot(0x1d, 0, 0, 0, 1), EXIT], reserved('BPF_JMP/JMP32')),
  row('jeq of r12 and r11', [R0, slot(0x1d, 12, 11), EXIT], register(12)),
  row('jeq of r0 and r11', [R0, slot(0x1d, 0, 11), EXIT], register(11)),
  row('may_goto with dst', [R0, slot(0xe5, 1), EXIT], ['reserved_fields', 'EINVAL', 'invalid may_goto imm 0']),
  row('reserved fields in dead code', dead(slot(0xb7, 0, 1)), null),
  row('r11 in dead code', dead(slot(0xb7, 11)), null),
];

const LOAD_IMM64: readonly VerifierRow[] = [
  row('lddw cut off', [R0, EXIT, slot(0x18)], LAST),
  row(
    'lddw with dst in its second slot',
    [slot(0x18), slot(0, 1), EXIT],
    ['load_imm64', 'EINVAL', 'invalid bpf_ld_imm64 insn'],
  ),
  row(
    'lddw with an opcode in its second slot',
    [slot(0x18), R0, EXIT],
    ['load_imm64', 'EINVAL', 'invalid bpf_ld_imm64 insn'],
  ),
  row('lddw with offset', [slot(0x18, 0, 0, 1), slot(0), EXIT], reserved('BPF_LD_IMM64')),
  row('lddw with src 7', [slot(0x18, 0, 7), slot(0), EXIT], ['load_imm64', 'EINVAL', 'unrecognized bpf_ld_imm64 insn']),
  row('lddw to r10', [slot(0x18, 10), slot(0), R0, EXIT], FRAME_POINTER),
  row(
    'lddw of a map with an upper half',
    [join([slot(0x18, 1, 1), slot(0, 0, 0, 0, 1)]), R0, EXIT],
    ['load_imm64', 'EINVAL', 'unrecognized bpf_ld_imm64 insn'],
    {
      maps: [map('array')],
    },
  ),
  row(
    'lddw of a missing map',
    [loadMap(1, 0x7fffffff), R0, EXIT],
    ['map_reference', 'EBADF', 'fd 2147483647 is not pointing to valid bpf_map'],
  ),
  row('the last byte of an array of one', [loadValue(1, 0, 7), R0, EXIT], null, { maps: [map('array')] }),
  row(
    'the byte after an array of one',
    [loadValue(1, 0, 8), R0, EXIT],
    ['map_value_address', 'EINVAL', 'invalid access to map value pointer, value_size=8 off=8'],
    {
      maps: [map('array')],
    },
  ),
  row(
    'address in an array of two',
    [loadValue(1, 0), R0, EXIT],
    ['map_value_entries', 'ENOTSUPP', 'invalid access to map value pointer, value_size=8 off=0'],
    {
      maps: [map('array', { maxEntries: 2 })],
    },
  ),
  row(
    'address far away',
    [loadValue(1, 0, -1), R0, EXIT],
    ['map_value_address', 'EINVAL', 'direct value offset of 4294967295 is not allowed'],
    {
      maps: [map('array')],
    },
  ),
  ...(['hash', 'percpu_array', 'prog_array'] as const).map((type) =>
    row(
      `address in ${type}`,
      [loadValue(1, 0), R0, EXIT],
      ['map_value_address', 'EINVAL', 'no direct value access support for this map type'],
      {
        maps: [map(type)],
      },
    ),
  ),
  row(
    '65 maps',
    [...Array.from({ length: 65 }, (_, index) => loadMap(1, index)), R0, EXIT],
    ['map_count', 'E2BIG', 'The total number of maps per program has reached the limit of 64'],
    {
      maps: Array.from({ length: 65 }, (_, index) => map('array', { name: `m${index}` })),
    },
  ),
];

const range = (from: number, to: number): Refused => [
  'jump_range',
  'EINVAL',
  `jump out of range from insn ${from} to ${to}`,
];
const unreachable = (pc: number): Refused => ['unreachable', 'EINVAL', `unreachable insn ${pc}`];

const CONTROL_FLOW: readonly VerifierRow[] = [
  row('goto behind the end', [R0, slot(0x05, 0, 0, 5), EXIT], range(1, 7)),
  row('goto before the start', [R0, slot(0x05, 0, 0, -5), EXIT], range(1, -3)),
  row('jeq behind the end', [R0, slot(0x15, 0, 0, 1), EXIT], range(1, 3)),
  row('gotol behind the end', [R0, slot(0x06, 0, 0, 0, 7), EXIT], range(1, 9)),
  row(
    'jump into lddw',
    [R0, slot(0x15, 0, 0, 1), slot(0x18, 1), slot(0), EXIT],
    ['jump_into_load_imm64', 'EINVAL', 'jump into the middle of ldimm64 insn 2'],
  ),
  row('goto into lddw', [R0, slot(0x05, 0, 0, 1), slot(0x18, 1), slot(0), EXIT], unreachable(2)),
  row('no exit', [R0], LAST),
  row('ends in a conditional jump', [R0, slot(0x15, 0, 0, -1)], LAST),
  row('ends in a call', [R0, helper(7)], LAST),
  row('ends in lddw', [R0, slot(0x18), slot(0)], LAST),
  row('ends in exit of the 32-bit class', [R0, slot(0x96)], LAST),
  row('ends in a goto back', [R0, slot(0x15, 0, 0, 1), EXIT, slot(0x05, 0, 0, -2)], null),
  row('unreachable', [R0, EXIT, R0, EXIT], unreachable(2)),
  row('call behind the end', [R0, call(9), EXIT], ['call_target', 'EINVAL', 'call to invalid destination']),
  row('call before the start', [R0, call(-9), EXIT], ['call_target', 'EINVAL', 'call to invalid destination']),
  row('call into lddw', [call(2), EXIT, slot(0x18), slot(0), EXIT], LAST),
  row('a function falls into the next', [call(1), EXIT, R0, call(1), R0, R0, EXIT], LAST),
  row('the program falls into a function', [call(1), R0, R0, EXIT], LAST),
  row('jump into another function', [call(2), slot(0x05, 0, 0, 1), EXIT, R0, EXIT], range(1, 3)),
  row('recursion', [R0, call(-2), EXIT], ['call_depth', 'E2BIG', 'the call stack of 9 frames is too deep']),
  row(
    'recursion of two',
    [call(1), EXIT, R0, call(-2), EXIT],
    ['call_depth', 'E2BIG', 'the call stack of 9 frames is too deep'],
  ),
  row('recursion in dead code', dead(call(-3)), ['call_depth', 'E2BIG', 'the call stack of 8 frames is too deep !']),
];

const ORDER: readonly VerifierRow[] = [
  row(
    'bad call before bad jump',
    [R0, slot(0x05, 0, 0, 9), call(99), EXIT],
    ['call_target', 'EINVAL', 'call to invalid destination'],
  ),
  row('bad jump before bad end', [R0, slot(0x05, 0, 0, 9), R0], range(1, 11)),
  row('bad jump before unknown opcode', [R0, slot(0x05, 0, 0, 9), slot(0xff), EXIT], range(1, 11)),
  row('unknown opcode before unreachable', [R0, EXIT, R0, slot(0xff), EXIT], ['opcode', 'EINVAL', 'unknown opcode ff']),
  row('unreachable before reserved fields', [slot(0xb7, 0, 1), EXIT, R0, EXIT], unreachable(2)),
  row(
    'the straight side of a branch first',
    [slot(0x61, 0, 1), slot(0x15, 0, 0, 1), slot(0x37), slot(0x67, 0, 0, 0, 64), EXIT],
    ['division', 'EINVAL', 'div by zero'],
  ),
  row(
    'a called function before what follows',
    [call(3), R0, slot(0x37), EXIT, R0, slot(0x67, 0, 0, 0, 64), EXIT],
    ['shift', 'EINVAL', 'invalid shift 64'],
  ),
];

const other = (name: string, id: number): Refused => [
  'helper',
  'EINVAL',
  `program of this type cannot use helper bpf_${name}#${id}`,
];
const GPL: Refused = [
  'helper_license',
  'EINVAL',
  'cannot call GPL-restricted function from non-GPL compatible program',
];
const tailCall = (register2: Uint8Array, before: Uint8Array[] = []): Uint8Array[] => [
  ...before,
  register2,
  slot(0xb7, 3),
  TAIL_CALL,
  R0,
  EXIT,
];
const CTX_EXPECTED = (type: string): Refused => ['helper_argument', 'EACCES', `R1 type=${type} expected=ctx`];
const MAP_EXPECTED = (type: string): Refused => ['helper_argument', 'EACCES', `R2 type=${type} expected=map_ptr`];

const HELPERS: readonly VerifierRow[] = [
  row('helper of other types', [helper(9), R0, EXIT], other('skb_store_bytes', 9)),
  row('helper 0', [helper(0), R0, EXIT], other('unspec', 0)),
  row('helper 212', [helper(212), R0, EXIT], ['helper', 'EINVAL', 'invalid func unknown#212']),
  row('helper -1', [helper(-1), R0, EXIT], ['helper', 'EINVAL', 'invalid func unknown#-1']),
  row('trace_printk without GPL', [helper(6), R0, EXIT], GPL, { license: 'MIT' }),
  row('time without GPL', [helper(5), R0, EXIT], null, { license: 'Proprietary' }),
  row('helper in dead code', dead(helper(1000)), null),
  row(
    'helper in code that a frozen constant makes dead',
    [loadValue(1, 0), slot(0x61, 2, 1), slot(0x15, 2, 0, 1), helper(1000), R0, EXIT],
    null,
    {
      maps: [
        map('array', { flags: 0x80, frozen: true, entries: [{ key: new Uint8Array(4), value: new Uint8Array(8) }] }),
      ],
    },
  ),
  row(
    'helper in code that an argument makes dead',
    [slot(0xb7, 1), call(1), EXIT, slot(0x15, 1, 0, 1), helper(1000), R0, EXIT],
    null,
  ),
  row('tail call', tailCall(loadMap(2, 0)), null, { maps: [map('prog_array')] }),
  row('tail call without GPL', tailCall(loadMap(2, 0)), null, { maps: [map('prog_array')], license: 'MIT' }),
  row(
    'tail call with an array',
    tailCall(loadMap(2, 0)),
    ['tail_call_map', 'EINVAL', 'expected prog array map for tail call'],
    { maps: [map('array')] },
  ),
  row('tail call with a map value', tailCall(loadValue(2, 0)), MAP_EXPECTED('map_value'), { maps: [map('array')] }),
  row('tail call with 0', tailCall(slot(0xb7, 2)), MAP_EXPECTED('scalar')),
  row('tail call with the frame', tailCall(slot(0xbf, 2, 10)), MAP_EXPECTED('fp')),
  row('tail call from the frame', tailCall(loadMap(2, 0), [slot(0xbf, 1, 10)]), CTX_EXPECTED('fp'), {
    maps: [map('prog_array')],
  }),
  row('tail call from 0 with 0', tailCall(slot(0xb7, 2), [slot(0xb7, 1)]), CTX_EXPECTED('scalar')),
  row(
    'LD_ABS in xdp',
    [slot(0xbf, 6, 1), slot(0x20), EXIT],
    ['packet_load', 'EINVAL', 'BPF_LD_[ABS|IND] instructions not allowed for this program type'],
  ),
  row('LD_ABS with dst', [slot(0xbf, 6, 1), slot(0x20, 1), EXIT], reserved('BPF_LD_[ABS|IND]'), { type: 'sched_cls' }),
  row('LD_ABS', [slot(0xbf, 6, 1), slot(0x20), EXIT], null, { type: 'sched_cls' }),
  row('LD_IND', [slot(0xbf, 6, 1), slot(0x40, 0, 6), EXIT], null, { type: 'socket_filter' }),
  row('LD_ABS with a number in r6', [slot(0xb7, 6), slot(0x30), EXIT], NOT_PACKET, { type: 'sched_cls' }),
  row('LD_ABS with the frame in r6', [slot(0xbf, 6, 10), slot(0x30), EXIT], NOT_PACKET, { type: 'socket_filter' }),
  row('LD_IND of r11 with a number in r6', [slot(0xb7, 6), slot(0x40, 0, 11), EXIT], NOT_PACKET, { type: 'sched_cls' }),
  row('LD_ABS with dst and a number in r6', [slot(0xb7, 6), slot(0x20, 1), EXIT], reserved('BPF_LD_[ABS|IND]'), {
    type: 'sched_cls',
  }),
  row('LD_IND of r11', [slot(0xbf, 6, 1), slot(0x40, 0, 11), EXIT], register(11), { type: 'sched_cls' }),
  row(
    'LD_ABS in a subprogram without BTF',
    [slot(0xbf, 6, 1), call(1), EXIT, slot(0xbf, 6, 1), slot(0x20), EXIT],
    ['function_return', 'EINVAL', 'LD_ABS is not allowed in subprogs without BTF'],
    { type: 'sched_cls' },
  ),
];

const subprogramTailCall = [call(1), EXIT, loadMap(2, 0), slot(0xb7, 3), TAIL_CALL, R0, EXIT];
const int = (refused: Refused, settings: Settings): VerifierRow =>
  row('', subprogramTailCall, refused, { maps: [map('prog_array')], ...settings });

const RETURNS: readonly VerifierRow[] = [
  {
    ...int(['function_return', 'EINVAL', 'tail_call is not allowed in subprogs without BTF'], {}),
    name: 'tail call in a subprogram without BTF',
  },
  {
    ...int(null, { hasBtf: true, functions: staticFunctions([2]) }),
    name: 'tail call in a subprogram that returns int',
  },
  {
    ...int(null, { hasBtf: true, functions: staticFunctions([2], { linkage: 'global' }) }),
    name: 'tail call in a global function',
  },
  ...(['void', 'pointer', 'other'] as const).map((returns) => ({
    ...int(['function_return', 'EINVAL', "tail_call is only allowed in functions that return 'int'."], {
      hasBtf: true,
      functions: staticFunctions([2], { returns }),
    }),
    name: `tail call in a subprogram that returns ${returns}`,
  })),
];

const STACK_ACCESS: readonly VerifierRow[] = [
  row(
    'store below the frame',
    [R0, slot(0x7b, 10, 0, -520), EXIT],
    ['stack_access', 'EACCES', 'invalid write to stack R10 off=-520 size=8'],
  ),
  row(
    'store above the frame',
    [R0, slot(0x7b, 10, 0, 0), EXIT],
    ['stack_access', 'EACCES', 'invalid write to stack R10 off=0 size=8'],
  ),
  row(
    'load below the frame',
    [R0, slot(0x79, 0, 10, -520), EXIT],
    ['stack_access', 'EACCES', 'invalid read from stack R10 off=-520 size=8'],
  ),
  row(
    'atomic below the frame',
    [R0, slot(0xdb, 10, 0, -520), EXIT],
    ['stack_access', 'EACCES', 'invalid read from stack R10 off=-520 size=8'],
  ),
  row(
    'store through a copy',
    [R0, slot(0xbf, 2, 10), slot(0x07, 2, 0, 0, -600), slot(0x7a, 2, 0, 80), EXIT],
    ['stack_access', 'EACCES', 'invalid write to stack R2 off=-520 size=8'],
  ),
  row(
    'store at -4 of 8 bytes',
    [R0, slot(0x7b, 10, 0, -4), EXIT],
    ['stack_access', 'EACCES', 'misaligned stack access off 0+0+-4 size 8'],
  ),
  row(
    'store through a copy at -4 of 8 bytes',
    [R0, slot(0xbf, 2, 10), slot(0x07, 2, 0, 0, -8), slot(0x7a, 2, 0, 4), EXIT],
    ['stack_access', 'EACCES', 'misaligned stack access off 0+-8+4 size 8'],
  ),
  row('the lowest byte', [R0, slot(0x73, 10, 0, -512), EXIT], null),
];

const combined = (calls: number, bytes: number): Refused => [
  'stack_size',
  'EACCES',
  `combined stack size of ${calls} calls is ${bytes}. Too large`,
];
const above = (bytes: number): Refused => [
  'tail_call_stack',
  'EACCES',
  `tail_calls are not allowed when call stack of previous frames is ${bytes} bytes. Too large`,
];
const T = (bytes: number): Frame => ({ bytes, tailCalls: true });
const frames = (...bytes: number[]): Frame[] => bytes.map((each) => ({ bytes: each }));

function stack(name: string, chained: readonly Frame[], refused: Refused, settings: Settings = {}): VerifierRow {
  const { code, ...rest } = chain(chained);
  return row(`stack ${name}`, [code], refused, { ...rest, maps: [map('prog_array')], ...settings });
}

const STACK_DEPTH: readonly VerifierRow[] = [
  stack('512', frames(512), null),
  stack('256+256', frames(256, 256), null),
  stack('480+32', frames(480, 32), null),
  stack('496+8', frames(496, 8), null),
  stack('512+0', frames(512, 0), null),
  stack('8 x 64', frames(64, 64, 64, 64, 64, 64, 64, 64), null),
  stack('256+264', frames(256, 264), combined(2, 528)),
  stack('488+32', frames(488, 32), combined(2, 528)),
  stack('504+8', frames(504, 8), combined(2, 528)),
  stack('8 x 72', frames(72, 72, 72, 72, 72, 72, 72, 72), combined(7, 560)),
  stack('9 x 8', frames(8, 8, 8, 8, 8, 8, 8, 8, 8), ['call_depth', 'E2BIG', 'the call stack of 9 frames is too deep']),
  stack('512T', [T(512)], null),
  stack('256T+8', [T(256), { bytes: 8 }], null),
  stack('264T+8', [T(264), { bytes: 8 }], null),
  stack('240+8T', [{ bytes: 240 }, T(8)], null),
  stack('248+8T', [{ bytes: 248 }, T(8)], above(256)),
  stack('264+8T', [{ bytes: 264 }, T(8)], above(272)),
  stack('8+256T', [{ bytes: 8 }, T(256)], null),
  stack('32+480T', [{ bytes: 32 }, T(480)], null),
  stack('40+480T', [{ bytes: 40 }, T(480)], combined(2, 528)),
  stack('64+160+8T', [...frames(64, 160), T(8)], null),
  stack('64+192+8T', [...frames(64, 192), T(8)], above(256)),
  stack('64+200+8T', [...frames(64, 200), T(8)], above(272)),
  stack('8+264T+8', [{ bytes: 8 }, T(264), { bytes: 8 }], null),
  stack('256+264 as raw tracepoint', frames(256, 264), null, { type: 'raw_tracepoint' }),
  stack('264+8T as raw tracepoint', [{ bytes: 264 }, T(8)], above(272), { type: 'raw_tracepoint' }),
  stack('256+264T as raw tracepoint', [{ bytes: 240 }, T(280)], combined(2, 528), { type: 'raw_tracepoint' }),
  row(
    'deep frames in dead code',
    [R0, slot(0x7b, 10, 0, -16), slot(0x15, 0, 0, 1), call(1), EXIT, R0, slot(0x7b, 10, 0, -512), EXIT],
    null,
  ),
];

export const VERIFIER_ROWS: readonly VerifierRow[] = [
  ...ENCODING,
  ...LOAD_IMM64,
  ...CONTROL_FLOW,
  ...ORDER,
  ...HELPERS,
  ...RETURNS,
  ...STACK_ACCESS,
  ...STACK_DEPTH,
];
