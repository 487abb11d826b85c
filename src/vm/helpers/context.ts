/** What a helper that runs outside the translated code sees of its VM. */

import { CELL, MAP_DESCRIPTOR, PERMISSION, SHADOW_OFFSET } from '../../contract/memory.ts';
import type { OutcomeCode } from '../../contract/outcome.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { VmMap } from '../maps/map.ts';
import type { FaultAccess } from '../stop.ts';
import type { TraceRing } from '../trace-ring.ts';

/** Ends the run at the helper's call; never returns. */
export type StopAtCall = (code: OutcomeCode, message: string, access?: FaultAccess) => never;

export interface PrintLine {
  readonly program: number;
  readonly pc: number;
  /** Number of the step that printed. */
  readonly step: number;
  readonly text: string;
}

export class HelperContext {
  readonly memory: GuestMemory;
  readonly maps: readonly VmMap[];
  readonly print: (text: string) => void;
  readonly #stop: StopAtCall;
  readonly #ring: TraceRing | undefined;

  constructor(
    memory: GuestMemory,
    maps: readonly VmMap[],
    print: (text: string) => void,
    stop: StopAtCall,
    ring: TraceRing | undefined,
  ) {
    this.memory = memory;
    this.maps = maps;
    this.print = print;
    this.#stop = stop;
    this.#ring = ring;
  }

  /** With the trace flag: the helper has changed the element at this key (`key` is an address). */
  noteElement(map: VmMap, key: number): void {
    if (this.#ring === undefined) return;
    const { bytes } = this.memory;
    const address = map.lookup(key);
    const value = address === 0 ? null : bytes.slice(address, address + map.spec.valueSize);
    if (value !== null) this.#ring.patchBytes(address, value);
    this.#ring.patchMap(this.maps.indexOf(map), bytes.slice(key, key + map.spec.keySize), value);
  }

  /** Argument register 1 to 5. */
  argument(register: number): bigint {
    return this.memory.view.getBigUint64(CELL.ARGUMENTS + 8 * (register - 1), true);
  }

  setResult(value: bigint | number): void {
    this.memory.view.setBigInt64(CELL.RESULT, BigInt(value), true);
  }

  /** Ends the program with r0 = 0 at this call: what uBPF calls to unwind. */
  endProgram(): never {
    this.setResult(0);
    return this.#stop('exit', '');
  }

  /** The argument as an address of `size` accessible bytes; a fault when it is not one. */
  bytesAt(register: number, size: number, access: 'read' | 'write'): number {
    const address = this.argument(register);
    const permission = access === 'read' ? PERMISSION.READ : PERMISSION.WRITE;
    const low = Number(address);
    this.memory.noteWork(size);
    if (address < BigInt(SHADOW_OFFSET) && this.memory.allows(low, size, permission)) return low;
    return this.#stop('oob_read', `R${register}`, { address, access, size });
  }

  /** The argument as a handle of a map; a fault when it is none. */
  map(register: number): VmMap {
    const handle = this.argument(register) - BigInt(MAP_DESCRIPTOR.BASE);
    const index = handle / BigInt(MAP_DESCRIPTOR.BYTES);
    const map = handle >= 0n && handle % BigInt(MAP_DESCRIPTOR.BYTES) === 0n ? this.maps[Number(index)] : undefined;
    return map ?? this.#stop('bad_argument', `R${register} is not a map`);
  }
}
