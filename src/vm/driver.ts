/**
 * A small module that belongs to no program: `invoke` starts the program at a table index, so that no 64-bit value crosses into JavaScript;
 * `resolver` stands in every table entry whose program has not been instantiated yet. The stub asks the engine for the program and jumps to
 * the same index again, so the hop itself needs no null check.
 */

import { CELL, MEMORY_PAGES, STACK } from '../contract/memory.ts';
import { Code } from '../wasm/code.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { PROGRAM_TYPE } from './translate/context.ts';
import { ENGINE_MODULE } from './translate/imports.ts';

/** Bytes of the driver module; the same for every VM. */
export function driverModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importSharedMemory(ENGINE_MODULE, 'memory', MEMORY_PAGES);
  module.importTable(ENGINE_MODULE, 'programs');
  const resolve = module.importFunction(ENGINE_MODULE, 'resolve', { parameters: ['i32'], results: [] });
  const programType = module.type(PROGRAM_TYPE);

  const invoke = new Code(1);
  invoke.i32(0);
  invoke.i32(0).memory('i32_load', CELL.CONTEXT).i32(STACK.BASE).get(0).callIndirect(programType);
  invoke.memory('i64_store', CELL.RESULT);
  module.exportFunction('invoke', module.addFunction({ parameters: ['i32'], results: [] }, invoke));

  const resolver = new Code(PROGRAM_TYPE.parameters.length);
  const target = () => resolver.i32(0).memory('i32_load', CELL.TARGET);
  target().call(resolve);
  resolver.get(0).get(1);
  target().returnCallIndirect(programType);
  module.exportFunction('resolver', module.addFunction(PROGRAM_TYPE, resolver));
  return module.build();
}

/** Table entries that a memory's driver has from the start. */
const FIRST_ENTRIES = 64;

/**
 * The driver of one memory, made once and lent to each VM on it in turn: instantiating it and making a table would be a tenth of a short
 * run. Table index: program number + 1.
 */
export class Driver {
  readonly table: WebAssembly.Table;
  /** Runs the program at a table index to its end; r0 is in CELL.RESULT. */
  readonly invoke: (index: number) => void;
  readonly #resolver: unknown;
  #resolve: (index: number) => void = () => {};
  /** Entries that may hold something else than the resolver. */
  #used: number;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory) {
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: FIRST_ENTRIES });
    const resolve = (index: number) => this.#resolve(index);
    const { exports } = new WebAssembly.Instance(module, {
      [ENGINE_MODULE]: { memory, programs: this.table, resolve },
    });
    this.invoke = exports.invoke as Driver['invoke'];
    this.#resolver = exports.resolver;
    this.#used = FIRST_ENTRIES;
  }

  /** A new VM with so many programs: no entry of the last one stays. */
  lend(programs: number, resolve: (index: number) => void): void {
    const entries = programs + 1;
    if (entries > this.table.length) this.table.grow(entries - this.table.length);
    for (let index = 0; index < Math.max(entries, this.#used); index++) this.table.set(index, this.#resolver);
    this.#used = entries;
    this.#resolve = resolve;
  }
}
