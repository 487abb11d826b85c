/** The control-flow graph of a stored program as JSON: blocks numbered over the whole program, in the order of its instructions. */

import { analyseDominance } from '../cfg/dominators.ts';
import { edgesOf } from '../cfg/edges.ts';
import {
  type FunctionRange,
  findFunctions,
  isFunctionReference,
  isLocalCall,
  localCallTarget,
} from '../cfg/functions.ts';
import { buildGraph, OUTSIDE } from '../cfg/graph.ts';
import { findLoops } from '../cfg/loops.ts';
import type { ProgramGraph } from '../contract/program.ts';
import { type Instruction, slotCount } from '../isa/instruction.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import { findTailCallSites } from '../verifier/tail-call-sites.ts';
import type { KnownPrograms } from './known-programs.ts';

type Blocks = ProgramGraph['blocks'];

/** The graph of one function, its blocks numbered from `entry` and its loops from `firstLoop` on. */
function functionGraph(
  instructions: readonly Instruction[],
  { number, entry, firstLoop }: { readonly number: number; readonly entry: number; readonly firstLoop: number },
): { readonly blocks: Blocks; readonly loops: ProgramGraph['loops']; readonly reducible: boolean } {
  const graph = buildGraph(instructions);
  const dominance = analyseDominance(graph);
  const { loops, loopOf } = findLoops(graph, dominance);
  const blocks = graph.blocks.map(({ first, end }, block) => {
    const last = instructions[end - 1]!;
    const dominator = dominance.immediateDominator[block]!;
    const loop = loopOf[block] ?? null;
    return {
      function: number,
      pc: instructions[first]!.pc,
      end: last.pc + slotCount(last),
      edges: edgesOf(graph, block, instructions).map(({ kind, to }) => ({
        kind,
        to: to === OUTSIDE ? null : entry + to,
      })),
      reachable: dominator !== OUTSIDE,
      dominator: block === 0 || dominator === OUTSIDE ? null : entry + dominator,
      loop: loop === null ? null : firstLoop + loop,
    };
  });
  return {
    blocks,
    loops: loops.map(({ header, backEdges, parent, depth }) => ({
      header: entry + header,
      backEdges: backEdges.map((from) => entry + from),
      parent: parent === null ? null : firstLoop + parent,
      depth,
    })),
    reducible: dominance.reducible,
  };
}

/** Number of the block that holds a slot; blocks are sorted by theirs. */
function blockAt(blocks: Blocks, pc: number): number {
  let low = 0;
  for (let high = blocks.length - 1; low < high; ) {
    const middle = (low + high + 1) >> 1;
    if (blocks[middle]!.pc <= pc) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** @param maps those of the program, by the indexes that its code has */
export function programGraph(
  id: string,
  program: ProgramSpec,
  maps: readonly MapSpec[],
  known: KnownPrograms,
): ProgramGraph {
  const instructions = known.decode(program.code);
  const names = new Map(program.functions.map(({ pc, name }) => [pc, name]));
  const ranges = findFunctions(instructions);
  const functions: ProgramGraph['functions'] = [];
  const blocks: Blocks = [];
  const loops: ProgramGraph['loops'] = [];
  ranges.forEach(({ pc, first, end }, number) => {
    const entry = blocks.length;
    const found = functionGraph(instructions.slice(first, end), { number, entry, firstLoop: loops.length });
    for (const block of found.blocks) blocks.push(block);
    for (const loop of found.loops) loops.push(loop);
    const { reducible } = found;
    functions.push({ name: names.get(pc) ?? `sub_${pc}`, pc, entry, blocks: found.blocks.length, reducible });
  });
  return {
    id,
    functions,
    blocks,
    loops,
    calls: callsOf(instructions, ranges, blocks),
    tailCalls: tailCallsOf(program, maps, known).map(({ pc, map, index }) => ({
      pc,
      block: blockAt(blocks, pc),
      map: map === null ? null : (maps[map]?.name ?? null),
      index,
    })),
  };
}

function callsOf(
  instructions: readonly Instruction[],
  ranges: readonly FunctionRange[],
  blocks: Blocks,
): ProgramGraph['calls'] {
  const numberAt = new Map(ranges.map(({ pc }, number) => [pc, number]));
  return instructions.flatMap((instruction) => {
    if (!isLocalCall(instruction) && !isFunctionReference(instruction)) return [];
    const called = numberAt.get(localCallTarget(instruction));
    // A call to where no instruction is: the verifier refuses it.
    return called === undefined
      ? []
      : [{ pc: instruction.pc, block: blockAt(blocks, instruction.pc), function: called }];
  });
}

/** Constants are only followed in what can be run at all. */
function tailCallsOf(program: ProgramSpec, maps: readonly MapSpec[], known: KnownPrograms) {
  return known.verify(program, maps, 'runnable').rejection === null ? findTailCallSites(program, maps) : [];
}
