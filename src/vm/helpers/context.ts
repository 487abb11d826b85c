/** What a helper that runs outside the translated code sees of its VM. */

import { CELL, MAP_DESCRIPTOR, PERMISSION, SHADOW_OFFSET } from '../../contract/memory.ts';
import type { OutcomeCode } from '../../contract/outcome.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { VmMap } from '../maps/map.ts';
import type { FaultAccess } from '../stop.ts';
import type { TraceRing } from '../trace-ring.ts';

/** Ends the run at the helper's call; never returns. */
export type StopAtCall = (code: OutcomeCode, message: string, access?: FaultAccess) => never;

/** Where and when a helper was called. */
export interface HelperCall {
  readonly program: number;
  readonly pc: number;
  /** Number of the step. */
  readonly step: number;
}

/** A helper's change of a map element. */
export interface MapWrite {
  /** Numbers in the VM. */
  readonly map: number;
  readonly key: Uint8Array;
  /** null: the element is gone. */
  readonly value: Uint8Array | null;
}

/** What the helpers of one program tell the VM. */
export interface HelperEvents {
  readonly print: (text: string) => void;
  readonly stop: StopAtCall;
  /** undefined: nobody listens. */
  readonly mapWrite: () => ((write: MapWrite) => void) | undefined;
}

export class HelperContext {
  readonly memory: GuestMemory;
  readonly maps: readonly VmMap[];
  readonly #events: HelperEvents;
  readonly #ring: TraceRing | undefined;

  constructor(memory: GuestMemory, maps: readonly VmMap[], events: HelperEvents, ring: TraceRing | undefined) {
    this.memory = memory;
    this.maps = maps;
    this.#events = events;
    this.#ring = ring;
  }

  print(text: string): void {
    this.#events.print(text);
  }

  /**
   * A helper is about to change the element at this key (an address): what to call when it has, with the address of the new value, 0 when the
   * element is gone. undefined: nobody wants to know. The key is copied now, since it may lie in the very element that is reused.
   */
  elementChange(map: VmMap, key: number): ((address: number) => void) | undefined {
    const tell = this.#events.mapWrite();
    if (this.#ring === undefined && tell === undefined) return undefined;
    const { bytes } = this.memory;
    const keyBytes = bytes.slice(key, key + map.spec.keySize);
    return (address) => {
      const value = address === 0 ? null : bytes.slice(address, address + map.spec.valueSize);
      const write = { map: this.maps.indexOf(map), key: keyBytes, value };
      tell?.(write);
      if (value !== null) this.#ring?.patchBytes(address, value);
      this.#ring?.patchMap(write.map, write.key, value);
    };
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
    return this.#events.stop('exit', '');
  }

  /** The argument as an address of `size` accessible bytes; a fault when it is not one. */
  bytesAt(register: number, size: number, access: 'read' | 'write'): number {
    const address = this.argument(register);
    const permission = access === 'read' ? PERMISSION.READ : PERMISSION.WRITE;
    const low = Number(address);
    this.memory.noteWork(size);
    if (address < BigInt(SHADOW_OFFSET) && this.memory.allows(low, size, permission)) return low;
    return this.#events.stop('oob_read', `R${register}`, { address, access, size });
  }

  /** The argument as a handle of a map; a fault when it is none. */
  map(register: number): VmMap {
    const handle = this.argument(register) - BigInt(MAP_DESCRIPTOR.BASE);
    const index = handle / BigInt(MAP_DESCRIPTOR.BYTES);
    const map = handle >= 0n && handle % BigInt(MAP_DESCRIPTOR.BYTES) === 0n ? this.maps[Number(index)] : undefined;
    return map ?? this.#events.stop('bad_argument', `R${register} is not a map`);
  }
}
