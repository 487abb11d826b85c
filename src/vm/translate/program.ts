/** Translates one linked program to one WebAssembly module. */

import { findFunctions, isLocalCall, localCallTarget } from '../../cfg/functions.ts';
import { OUTSIDE } from '../../cfg/graph.ts';
import { STACK } from '../../contract/memory.ts';
import type { Instruction } from '../../isa/instruction.ts';
import { OPCODES } from '../../isa/opcodes.ts';
import { HELPER } from '../../spec/helper-numbers.ts';
import { ModuleBuilder } from '../../wasm/module.ts';
import { type MapShape, type ModuleContext, PROGRAM_TYPE, SUBPROGRAM_TYPE, type TranslateOptions } from './context.ts';
import { type AnalysedFunction, analyseFunction, translateFunction } from './function.ts';
import { addHashLookups } from './hash-lookup.ts';
import { addTailCallFunction } from './hop.ts';
import { declareImports } from './imports.ts';
import { addPacketLoadFunction } from './packet-load.ts';

/**
 * What V8 can compile and optimise in the memory of a worker and in a second or two; a server may set less. Its optimiser keeps each local
 * once for each way into a block that others lead to: with 8,100 jumps to one label a process came to 650 MiB, back to one loop to 1,290.
 */
export interface TranslateLimits {
  readonly maxInstructionsPerFunction: number;
  readonly maxBlocksPerFunction: number;
  /** Ways to a block at or in front of their own. */
  readonly maxBackEdgesPerFunction: number;
  /** The same for a function with irreducible control flow, where every way between blocks leads back to one loop. */
  readonly maxInstructionsPerIrreducibleFunction: number;
  readonly maxBlocksPerIrreducibleFunction: number;
  /** Of a translation without the trace flag; with it a module is at most some 100 bytes an instruction larger. */
  readonly maxModuleBytes: number;
}

export const TRANSLATE_LIMITS: TranslateLimits = {
  maxInstructionsPerFunction: 10_000,
  maxBlocksPerFunction: 4_096,
  maxBackEdgesPerFunction: 2_048,
  maxInstructionsPerIrreducibleFunction: 4_096,
  maxBlocksPerIrreducibleFunction: 1_024,
  maxModuleBytes: 8 * 1024 * 1024,
};

const MAX_CALL_FRAMES = 8;
const FRAME_ROUNDING = 16;

export type Translation =
  | {
      readonly kind: 'module';
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** Bytes of each function's frame, by its first slot. */
      readonly frameBytes: ReadonlyMap<number, number>;
    }
  | { readonly kind: 'limit'; readonly limit: keyof TranslateLimits; readonly message: string };

/**
 * @param instructions a whole linked program that passed at least the verifier's runnable rules
 * @param maps shapes of the VM's maps, by the indexes that the instructions hold
 */
export function translateProgram(
  instructions: readonly Instruction[],
  maps: readonly MapShape[],
  options: TranslateOptions,
  limits: TranslateLimits = TRANSLATE_LIMITS,
): Translation {
  const ranges = findFunctions(instructions);
  const functions: AnalysedFunction[] = [];
  for (const range of ranges) {
    const count = range.end - range.first;
    if (count > limits.maxInstructionsPerFunction) {
      return tooLarge(
        limits,
        'maxInstructionsPerFunction',
        `the function at insn ${range.pc} has ${count} instructions`,
      );
    }
    const fn = analyseFunction(instructions.slice(range.first, range.end));
    const passed = shapeTooLarge(fn, limits);
    if (passed !== undefined) return passed;
    functions.push(fn);
  }

  const module = new ModuleBuilder();
  const imports = declareImports(module, options.trace);
  const tailCallFunction = addTailCallFunction(module, imports);
  const packetLoads = instructions.some((one) => OPCODES[one.opcode]?.kind === 'load_packet');
  const packetLoadFunction = packetLoads ? addPacketLoadFunction(module) : undefined;
  const hashLookups = addHashLookups(module, instructions, maps);
  const first = Math.max(tailCallFunction, packetLoadFunction ?? 0, ...hashLookups.values()) + 1;
  // A program that calls its own start has that function twice: a program's function has other parameters than one that is called.
  const entry = functions[0];
  const called = functions.slice(entry !== undefined && isCalled(entry, functions) ? 0 : 1);
  const indexAt = new Map(called.map((fn, position) => [fn.pc, first + 1 + position]));
  const depthAt = new Map(functions.map((fn) => [fn.pc, roundedDepth(fn)]));
  const context: ModuleContext = {
    module,
    imports,
    options,
    maps,
    typeIndexes: { program: module.type(PROGRAM_TYPE) },
    tailCallFunction,
    packetLoadFunction,
    hashLookups,
    functionAt: (pc) => indexAt.get(pc) ?? unknownFunction(pc),
    depthAt: (pc) => depthAt.get(pc) ?? unknownFunction(pc),
    deadSlots: new Set(options.dead),
    checkCalls: callsNeedChecks(functions),
    nestsPrograms: called.some(hasTailCall),
  };
  if (entry !== undefined) module.addFunction(PROGRAM_TYPE, translateFunction(context, entry, true));
  for (const fn of called) module.addFunction(SUBPROGRAM_TYPE, translateFunction(context, fn, false));
  module.exportFunction('program', first);
  if (options.salt !== undefined) module.customSection('salt', new TextEncoder().encode(options.salt));
  const frameBytes = new Map(functions.map((fn) => [fn.pc, fn.frame.bytes]));
  const bytes = module.build();
  if (!options.trace && bytes.length > limits.maxModuleBytes) {
    return tooLarge(limits, 'maxModuleBytes', `the translated program has ${bytes.length} bytes`);
  }
  return { kind: 'module', bytes, frameBytes };
}

/** The first limit of V8's optimiser that the shape of a function passes. */
function shapeTooLarge(
  { pc, instructions, graph, dominance }: AnalysedFunction,
  limits: TranslateLimits,
): Translation | undefined {
  const { position, reducible } = dominance;
  const blocks = graph.blocks.length;
  const backEdges = graph.blocks.reduce(
    (sum, { successors }, block) =>
      sum + successors.filter((to) => to !== OUTSIDE && position[to]! <= position[block]!).length,
    0,
  );
  const sizes = [
    ['maxBlocksPerFunction', blocks, 'basic blocks'],
    ['maxBackEdgesPerFunction', backEdges, 'ways back'],
  ] as const;
  const irreducible = [
    ['maxInstructionsPerIrreducibleFunction', instructions.length, 'instructions and a loop with two entries'],
    ['maxBlocksPerIrreducibleFunction', blocks, 'basic blocks and a loop with two entries'],
  ] as const;
  for (const [limit, size, unit] of reducible ? sizes : [...sizes, ...irreducible]) {
    if (size > limits[limit]) return tooLarge(limits, limit, `the function at insn ${pc} has ${size} ${unit}`);
  }
  return undefined;
}

function tooLarge(limits: TranslateLimits, limit: keyof TranslateLimits, what: string): Translation {
  return { kind: 'limit', limit, message: `${what}, ${limit} is ${limits[limit]}` };
}

function unknownFunction(pc: number): never {
  throw new Error(`the verifier let a call to insn ${pc} through, where no function starts`);
}

function isCalled(fn: AnalysedFunction, functions: readonly AnalysedFunction[]): boolean {
  return functions.some((caller) =>
    caller.instructions.some((one) => isLocalCall(one) && localCallTarget(one) === fn.pc),
  );
}

function roundedDepth(fn: AnalysedFunction): number {
  return Math.ceil(fn.frame.depth / FRAME_ROUNDING) * FRAME_ROUNDING;
}

function hasTailCall(fn: AnalysedFunction): boolean {
  return fn.instructions.some(
    (one) => OPCODES[one.opcode]?.kind === 'call' && one.src === 0 && one.imm === HELPER.tail_call,
  );
}

/** Longest way down from a function: frames and rounded bytes, its own included. */
interface CallExtent {
  readonly frames: number;
  readonly bytes: number;
}

/** True when some chain of calls is recursive, deeper than 8 frames, or uses more than 512 bytes: the verifier would refuse it. */
function callsNeedChecks(functions: readonly AnalysedFunction[]): boolean {
  const byPc = new Map(functions.map((fn) => [fn.pc, fn]));
  const known = new Map<number, CallExtent>();
  /** undefined: deeper than 8 frames from the entry, which recursion always is; the whole answer is then true. */
  const walk = (fn: AnalysedFunction, depth: number): CallExtent | undefined => {
    if (depth > MAX_CALL_FRAMES) return undefined;
    const done = known.get(fn.pc);
    if (done !== undefined) return depth + done.frames - 1 > MAX_CALL_FRAMES ? undefined : done;
    let frames = 0;
    let bytes = 0;
    for (const pc of new Set(fn.instructions.filter(isLocalCall).map(localCallTarget))) {
      const below = walk(byPc.get(pc) ?? unknownFunction(pc), depth + 1);
      if (below === undefined) return undefined;
      frames = Math.max(frames, below.frames);
      bytes = Math.max(bytes, below.bytes);
    }
    const extent = { frames: frames + 1, bytes: bytes + roundedDepth(fn) };
    known.set(fn.pc, extent);
    return extent;
  };
  const entry = functions[0];
  if (entry === undefined) return false;
  const extent = walk(entry, 1);
  return extent === undefined || extent.bytes > STACK.MAX_BYTES;
}
