/** The part of the WebAssembly JavaScript interface that the engine uses (W3C); TypeScript has it only among the types of the DOM. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: boolean });
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  class Table {
    constructor(descriptor: { element: 'anyfunc'; initial: number });
    set(index: number, value: unknown): void;
    get(index: number): unknown;
    readonly length: number;
    grow(delta: number): number;
  }
  class Global {
    constructor(descriptor: { value: 'i32'; mutable: boolean }, value: number);
    value: number;
  }
}
