/** What a failed check means: the outcome, and for memory the access that failed. */

import { FIRST_GUEST_PAGE, PERMISSION, SHADOW_OFFSET } from '../contract/memory.ts';
import type { OutcomeCode } from '../contract/outcome.ts';
import type { Instruction } from '../isa/instruction.ts';
import { OPCODES } from '../isa/opcodes.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { FaultAccess } from './stop.ts';
import { FAULT_REASON, type FaultReason } from './translate/imports.ts';

const REASON_NAMES = Object.fromEntries(Object.entries(FAULT_REASON).map(([name, number]) => [number, name])) as Record<
  number,
  FaultReason
>;

/** The reason behind the number that translated code gives. */
export function faultReason(number: number): FaultReason {
  const name = REASON_NAMES[number];
  if (name === undefined) throw new Error(`unknown fault reason ${number}`);
  return name;
}

interface FaultRow {
  readonly code: OutcomeCode;
  /** Text from the offending value. */
  readonly text: (value: string) => string;
}

/** Faults that translated code finds by itself. */
export const FAULTS: Readonly<Record<Exclude<FaultReason, 'memory'>, FaultRow>> = {
  bad_insn: { code: 'bad_insn', text: () => "control runs past the function's last instruction" },
  not_context: { code: 'bad_argument', text: (value) => `R1 of the tail call is ${value}, not the context` },
  not_packet: { code: 'bad_argument', text: (value) => `R6 of the packet load is ${value}, not the context` },
  not_prog_array: { code: 'bad_argument', text: (value) => `R2 of the tail call is ${value}, not a prog_array` },
  call_depth: { code: 'call_depth', text: () => 'the call would be the 9th frame of this program, the limit is 8' },
  stack_overflow: {
    code: 'stack_overflow',
    text: () => 'the frames of this program would use more than 512 bytes together',
  },
};

/** Bytes of the key that an array lookup written in place reads at its call. */
const INLINE_KEY_BYTES = 4;

/** The access that an instruction wanted to make at this address. */
export function accessOf(instruction: Instruction, address: bigint): FaultAccess {
  const row = OPCODES[instruction.opcode];
  const size = row?.kind === 'load' || row?.kind === 'store' || row?.kind === 'atomic' ? row.size : INLINE_KEY_BYTES;
  const access = row?.kind === 'store' || row?.kind === 'atomic' ? 'write' : 'read';
  return { address: BigInt.asUintN(64, address), access, size };
}

/** How a run ends that makes this access, which the shadow does not allow. */
export function memoryFaultCode(memory: GuestMemory, { address, access, size }: FaultAccess): OutcomeCode {
  if (address < BigInt(FIRST_GUEST_PAGE)) return 'null_deref';
  if (access === 'read') return 'oob_read';
  const readable = address < BigInt(SHADOW_OFFSET) && memory.allows(Number(address), size, PERMISSION.READ);
  return readable ? 'readonly_write' : 'oob_write';
}
