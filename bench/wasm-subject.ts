/** The same C compiled to wasm32 by LLVM, in V8: what a sandbox costs that knows nothing of eBPF, its budget or its memory rules. */

import type { BenchRow } from './rows.ts';
import { programBytes, type Subject, timed } from './subject.ts';

/** Fields of struct xdp_md. */
const CONTEXT_BYTES = 24;

export function wasmSubject(row: BenchRow): Subject {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(programBytes(`${row.object}.wasm`)), {});
  const memory = instance.exports.memory as WebAssembly.Memory;
  const base = (instance.exports.__heap_base as unknown as { readonly value: number }).value;
  const program = instance.exports.program as unknown as (context: number) => number;
  const packet = row.packet();
  const data = base + CONTEXT_BYTES + 8;
  if (data + packet.length > memory.buffer.byteLength)
    throw new Error(`${row.object}.wasm: its memory is too small for the packet`);
  new Uint8Array(memory.buffer).set(packet, data);
  const view = new DataView(memory.buffer);
  view.setUint32(base, data, true);
  view.setUint32(base + 4, data + packet.length, true);
  return {
    run: (repeat) =>
      timed(() => {
        let result = 0;
        for (let count = 0; count < repeat; count++) result = program(base);
        return result >>> 0;
      }),
  };
}
