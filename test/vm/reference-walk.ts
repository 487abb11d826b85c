/**
 * An independent reference for where runs stop: executes the few opcodes of flow-programs.ts one by one and notes the test points, which
 * are the start, each call's entry, each taken tail call's target, and each taken jump whose target slot is at or before its own.
 */

import { decode } from '../../src/isa/decode.ts';
import type { Instruction } from '../../src/isa/instruction.ts';

export interface TestPoint {
  /** Instructions executed so far. */
  readonly instructions: number;
  /** The last one. */
  readonly program: number;
  readonly pc: number;
}

export interface Walk {
  readonly points: readonly TestPoint[];
  /** How the run ends by itself; undefined when it did not within the bound. */
  readonly end: (TestPoint & { readonly r0: bigint }) | undefined;
}

const MAX_TAIL_CALLS = 33;

/** Walks program 0. A tail call goes to the program whose number is in r3 modulo their count. Stops after `bound` instructions. */
export function walk(codes: readonly Uint8Array[], bound: number): Walk {
  const programs = codes.map((code) => new Map(decode(code).map((one): [number, Instruction] => [one.pc, one])));
  const points: TestPoint[] = [];
  const callers: { program: number; pc: number; registers: bigint[] }[] = [];
  let registers = Array.from({ length: 11 }, () => 0n);
  let program = 0;
  let pc = 0;
  let instructions = 0;
  let tailCalls = 0;
  while (instructions < bound) {
    const one = programs[program]!.get(pc);
    if (one === undefined) throw new Error(`program ${program} has no instruction at ${pc}`);
    instructions++;
    const { opcode, dst, src, offset } = one;
    const imm = BigInt.asUintN(64, BigInt(one.imm));
    let next = pc + (one.nextImm === undefined ? 1 : 2);
    let taken = false;
    switch (opcode) {
      case 0xb7:
        registers[dst] = imm;
        break;
      case 0xbf:
        registers[dst] = registers[src]!;
        break;
      case 0x07:
        registers[dst] = BigInt.asUintN(64, registers[dst]! + imm);
        break;
      // Map handles and the context on the stack: nothing that a jump looks at.
      case 0x18:
      case 0x79:
      case 0x7b:
        break;
      case 0x05:
        taken = true;
        break;
      case 0x25:
        taken = registers[dst]! > imm;
        break;
      case 0xa5:
        taken = registers[dst]! < imm;
        break;
      case 0x45:
        taken = (registers[dst]! & imm) !== 0n;
        break;
      case 0x85:
        if (src === 1) {
          callers.push({ program, pc: next, registers: registers.slice() });
          points.push({ instructions, program, pc });
          next += one.imm;
        } else if (tailCalls < MAX_TAIL_CALLS) {
          tailCalls++;
          points.push({ instructions, program, pc });
          program = Number(registers[3]!) % programs.length;
          next = 0;
        }
        break;
      case 0x95: {
        const caller = callers.pop();
        if (caller === undefined) return { points, end: { instructions, program, pc, r0: registers[0]! } };
        const [r0] = registers as [bigint];
        registers = caller.registers;
        registers[0] = r0;
        program = caller.program;
        next = caller.pc;
        break;
      }
      default:
        throw new Error(`opcode 0x${opcode.toString(16)}`);
    }
    if (taken) {
      if (next + offset <= pc) points.push({ instructions, program, pc });
      next += offset;
    }
    pc = next;
  }
  return { points, end: undefined };
}
