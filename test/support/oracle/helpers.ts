/** The oracle's helpers, by number. */

import type { Interpreter } from './interpreter.ts';
import type { OracleMap } from './maps.ts';
import { OracleStop } from './setup.ts';

const HELPER = {
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  KTIME_GET_NS: 5,
  GET_PRANDOM_U32: 7,
  GET_SMP_PROCESSOR_ID: 8,
} as const;
/** bpf_tail_call: the interpreter does it. */
const TAIL_CALL = 12;

/** Numbers of the helpers that the oracle has. */
export const ORACLE_HELPERS: readonly number[] = [...Object.values(HELPER), TAIL_CALL];

function mapOf(machine: Interpreter, handle: bigint): OracleMap {
  const map = machine.maps.find((one) => one.setup.handle === handle);
  if (map === undefined) throw new OracleStop('bad_argument');
  return map;
}

/** A copy of guest bytes that may be read. */
function bytesAt(machine: Interpreter, address: bigint, size: number): Uint8Array {
  const { region, at } = machine.place(address, size, 'read');
  return region.bytes.slice(at, at + size);
}

/** r0 of a helper, or `end` where a test's helper ends the program. Faults are OracleStop. */
export function callHelper(machine: Interpreter, helper: number, registers: readonly bigint[]): bigint | 'end' {
  const [, r1 = 0n, r2 = 0n, r3 = 0n, r4 = 0n, r5 = 0n] = registers;
  const own = machine.setup.helpers?.[helper];
  if (own !== undefined) return own(r1, r2, r3, r4, r5);
  switch (helper) {
    case HELPER.MAP_LOOKUP_ELEM: {
      const map = mapOf(machine, r1);
      return map.lookup(bytesAt(machine, r2, map.setup.keySize));
    }
    case HELPER.MAP_UPDATE_ELEM: {
      const map = mapOf(machine, r1);
      const key = bytesAt(machine, r2, map.setup.keySize);
      return BigInt(map.update(key, bytesAt(machine, r3, map.setup.valueSize), r4));
    }
    case HELPER.MAP_DELETE_ELEM: {
      const map = mapOf(machine, r1);
      return BigInt(map.delete(bytesAt(machine, r2, map.setup.keySize)));
    }
    case HELPER.KTIME_GET_NS:
      return machine.setup.clockBase + BigInt(machine.instructions);
    case HELPER.GET_PRANDOM_U32:
      return machine.setup.random();
    case HELPER.GET_SMP_PROCESSOR_ID:
      return 0n;
    default:
      throw new Error(`the oracle has no helper ${helper}`);
  }
}
