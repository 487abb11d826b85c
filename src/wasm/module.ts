/** A WebAssembly module under construction: types, imports, functions, exports (core specification §5.5). */

import { ByteWriter } from './byte-writer.ts';
import type { Code } from './code.ts';
import { VALUE_TYPE, type ValueType } from './opcodes.ts';

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const EXTERNAL = { function: 0, table: 1, memory: 2, global: 3 } as const;
const SHARED_WITH_MAXIMUM = 0x03;
const MINIMUM_ONLY = 0x00;
const FUNCREF = 0x70;
const IMMUTABLE = 0x00;
const FUNCTION_TYPE = 0x60;

export class ModuleBuilder {
  readonly #types: FunctionType[] = [];
  readonly #imports = new ByteWriter();
  #importCount = 0;
  #importedFunctions = 0;
  #importedGlobals = 0;
  readonly #functions: { type: number; code: Code }[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  readonly #customs: { name: string; bytes: Uint8Array }[] = [];

  /** Index of the function type; equal types share one. */
  type(type: FunctionType): number {
    const key = (one: FunctionType) => `${one.parameters.join()}>${one.results.join()}`;
    const known = this.#types.findIndex((one) => key(one) === key(type));
    return known >= 0 ? known : this.#types.push(type) - 1;
  }

  #import(module: string, name: string, kind: number): void {
    this.#importCount++;
    this.#imports.name(module);
    this.#imports.name(name);
    this.#imports.byte(kind);
  }

  /** Imports a function; all imports come before the first `reserve`. */
  importFunction(module: string, name: string, type: FunctionType): number {
    this.#import(module, name, EXTERNAL.function);
    this.#imports.unsigned(this.type(type));
    return this.#importedFunctions++;
  }

  importSharedMemory(module: string, name: string, pages: number): void {
    this.#import(module, name, EXTERNAL.memory);
    this.#imports.byte(SHARED_WITH_MAXIMUM);
    this.#imports.unsigned(pages);
    this.#imports.unsigned(pages);
  }

  importTable(module: string, name: string): void {
    this.#import(module, name, EXTERNAL.table);
    this.#imports.byte(FUNCREF);
    this.#imports.byte(MINIMUM_ONLY);
    this.#imports.unsigned(0);
  }

  importGlobal(module: string, name: string, type: ValueType): number {
    this.#import(module, name, EXTERNAL.global);
    this.#imports.byte(VALUE_TYPE[type]);
    this.#imports.byte(IMMUTABLE);
    return this.#importedGlobals++;
  }

  /** Adds a function; its index counts imported functions first. `code` may still be filled until `build`. */
  addFunction(type: FunctionType, code: Code): number {
    this.#functions.push({ type: this.type(type), code });
    return this.#importedFunctions + this.#functions.length - 1;
  }

  exportFunction(name: string, index: number): void {
    this.#exports.push({ name, index });
  }

  customSection(name: string, bytes: Uint8Array): void {
    this.#customs.push({ name, bytes });
  }

  build(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter();
    out.bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00));
    const section = (id: number, fill: (body: ByteWriter) => void) => {
      const body = new ByteWriter();
      fill(body);
      out.byte(id);
      out.unsigned(body.length);
      out.bytes(body.view());
    };
    section(SECTION.type, (body) => {
      body.unsigned(this.#types.length);
      for (const type of this.#types) {
        body.byte(FUNCTION_TYPE);
        for (const list of [type.parameters, type.results]) {
          body.unsigned(list.length);
          for (const value of list) body.byte(VALUE_TYPE[value]);
        }
      }
    });
    section(SECTION.import, (body) => {
      body.unsigned(this.#importCount);
      body.bytes(this.#imports.view());
    });
    section(SECTION.function, (body) => {
      body.unsigned(this.#functions.length);
      for (const one of this.#functions) body.unsigned(one.type);
    });
    section(SECTION.export, (body) => {
      body.unsigned(this.#exports.length);
      for (const one of this.#exports) {
        body.name(one.name);
        body.byte(EXTERNAL.function);
        body.unsigned(one.index);
      }
    });
    section(SECTION.code, (body) => {
      body.unsigned(this.#functions.length);
      for (const one of this.#functions) one.code.emit(body);
    });
    for (const custom of this.#customs) {
      section(SECTION.custom, (body) => {
        body.name(custom.name);
        body.bytes(custom.bytes);
      });
    }
    return out.take();
  }
}
