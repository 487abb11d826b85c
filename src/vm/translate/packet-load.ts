/**
 * LD_ABS and LD_IND, the packet loads of the classic BPF: r6 is the context, r0 receives big-endian bytes as a number, r1 to r5 are dead.
 * A load out of range returns 0 from its function (kernel: bpf_gen_ld_abs; from a subprogram the caller goes on).
 *
 *   offset  ≥ 0                  from the first byte that the type sees: the Ethernet header, of a pulled packet what follows it
 *           ≥ SKF_NET_OFF        from the network header
 *           ≥ SKF_LL_OFF         from the Ethernet header
 *           lower                out of range
 */

import { CELL } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import type { OpcodeRow } from '../../isa/opcodes.ts';
import { Code } from '../../wasm/code.ts';
import type { FunctionType, ModuleBuilder } from '../../wasm/module.ts';
import {
  type BlockState,
  emitFault,
  type FunctionContext,
  killRegisters,
  popRegister,
  pushRegister,
} from './context.ts';
import { emitTraceRegister } from './trace.ts';

type PacketLoadRow = Extract<OpcodeRow, { kind: 'load_packet' }>;

/** linux/filter.h. */
const SKF_NET_OFF = -0x10_0000;
const SKF_LL_OFF = -0x20_0000;

/** What the function below answers, and the trace flag records, for a load out of range; a value has at most 32 bits. */
const OUT_OF_RANGE = -1;

/** (offset, size) -> the value, or OUT_OF_RANGE. */
const PACKET_LOAD_TYPE: FunctionType = { parameters: ['i32', 'i32'], results: ['i64'] };
const OFFSET = 0;
const SIZE = 1;

/** Adds the module's own function for packet loads and answers its index. */
export function addPacketLoadFunction(module: ModuleBuilder): number {
  const code = new Code(PACKET_LOAD_TYPE.parameters.length);
  const address = code.local('i32');
  const fail = () => code.i64(OUT_OF_RANGE).op('return');
  const atLeast = (least: number) => code.get(OFFSET).i32(least).op('i32_ge_s');
  const base = (cell: number, from: number) =>
    code.i32(0).memory('i32_load', cell).get(OFFSET).op('i32_add').i32(from).op('i32_sub').set(address);

  atLeast(0).if();
  // Unsigned, so that the sum cannot pass the end unseen: base and offset are both below 2^31.
  base(CELL.PACKET_START, 0).op('else');
  atLeast(SKF_NET_OFF).if();
  base(CELL.PACKET_NETWORK, SKF_NET_OFF).op('else');
  atLeast(SKF_LL_OFF).op('i32_eqz').if();
  fail().op('end');
  base(CELL.PACKET_LINK, SKF_LL_OFF).op('end', 'end');
  code.get(address).op('i64_extend_i32_u').get(SIZE).op('i64_extend_i32_u', 'i64_add');
  code.i32(0).memory('i64_load32_u', CELL.PACKET_END).op('i64_gt_u').if();
  fail().op('end');

  const byte = (offset: number) => code.get(address).memory('i64_load8_u', offset);
  const sizeIs = (size: number) => code.get(SIZE).i32(size).op('i32_eq').if();
  sizeIs(1);
  byte(0).op('return', 'end');
  byte(0).i64(8).op('i64_shl');
  byte(1).op('i64_or');
  sizeIs(4);
  byte(0).i64(24).op('i64_shl');
  byte(1).i64(16).op('i64_shl', 'i64_or');
  byte(2).i64(8).op('i64_shl', 'i64_or');
  byte(3).op('i64_or', 'return', 'end');
  return module.addFunction(PACKET_LOAD_TYPE, code);
}

/** @param leave writes the return from the function, with r0 as its result */
export function emitPacketLoad(
  context: FunctionContext,
  state: BlockState,
  row: PacketLoadRow,
  instruction: Instruction,
  leave: () => void,
): void {
  const { code, scratch64, packetLoadFunction } = context;
  if (packetLoadFunction === undefined) throw new Error(`insn ${instruction.pc}: the module has no packet loads`);
  const pushContext = () => pushRegister(context, 6);
  code.i32(0).memory('i64_load', CELL.CONTEXT);
  pushContext();
  code.op('i64_ne').if();
  emitFault(context, state, 'not_packet', instruction, pushContext);
  code.op('end').i32(instruction.imm);
  if (row.indirect) {
    pushRegister(context, instruction.src);
    code.op('i32_wrap_i64', 'i32_add');
  }
  code.i32(row.size).call(packetLoadFunction).set(scratch64);
  killRegisters(context, 1);
  code.get(scratch64);
  popRegister(context, 0);
  code.get(scratch64).i64(0).op('i64_lt_s').if();
  emitTraceRegister(context, 0);
  code.i64(0);
  popRegister(context, 0);
  leave();
  code.op('end');
}
