/** The answer of a run, from what the VM says (contract/result.ts, api.md §1). */

import { outcome } from '../contract/outcome.ts';
import type { PrintRow, RunResult, Verification } from '../contract/result.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import type { Observations } from '../contract/task.ts';
import { contextOutput, packetOutput } from '../spec/context-input.ts';
import { HELPER } from '../spec/helper-numbers.ts';
import { HELPERS } from '../spec/helpers.ts';
import { actionName } from '../spec/programs.ts';
import { type ChainNames, readChain } from '../vm/chain.ts';
import type { GuestMemory } from '../vm/guest-memory.ts';
import type { Vm, VmRun } from '../vm/vm.ts';
import { describeFault, instructionText } from './fault.ts';
import type { ReadRun } from './load.ts';

const MAP_HELPERS: readonly number[] = [HELPER.map_lookup_elem, HELPER.map_update_elem, HELPER.map_delete_elem];

export function hexOf(bytes: Uint8Array): { hex: string } {
  return { hex: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') };
}

export function chainNames(run: ReadRun): ChainNames {
  return {
    program: (number) => run.programs[number]?.name ?? `program#${number}`,
    map: (index) => run.maps[index]?.name ?? `map#${index}`,
  };
}

/** Fills in what an execution adds to a result that so far says how the run was loaded. */
export function executedResult(
  loaded: RunResult,
  spec: RunSpec,
  run: ReadRun,
  vm: Vm,
  done: VmRun,
  prints: PrintRow[],
  verification: Verification,
): RunResult {
  const { memory } = vm;
  const chain = spec.detail === 'summary' ? { rows: [], truncated: false } : readChain(memory, chainNames(run));
  const returnValue = done.r0 === undefined ? null : Number(done.r0 & 0xffff_ffffn);
  return {
    ...loaded,
    outcome: outcome(done.code),
    returnValue,
    r0: done.r0 === undefined ? null : `0x${done.r0.toString(16)}`,
    action: returnValue === null ? null : actionName(run.type, returnValue),
    counters: countersOf(done),
    chain: chain.rows,
    chainTruncated: chain.truncated,
    last: lastOf(run, done),
    fault: faultOf(run, memory, done),
    verification,
    output: outputOf(spec, run, vm, prints),
  };
}

function countersOf(done: VmRun): RunResult['counters'] {
  const calls = (helpers: readonly number[]) => helpers.reduce((sum, one) => sum + (done.helperCalls.get(one) ?? 0), 0);
  return {
    instructions: String(done.instructions),
    programs: done.invocations + done.tailCalls,
    tailCalls: done.tailCalls,
    tailCallMisses: { ...done.misses },
    chainDepth: Math.max(0, ...done.chainDepths.keys()),
    helperCalls: calls([...done.helperCalls.keys()]),
    mapOps: calls(MAP_HELPERS),
    prints: calls([HELPER.trace_printk]),
  };
}

function lastOf(run: ReadRun, done: VmRun): RunResult['last'] {
  if (done.last === undefined) return null;
  const { program, pc } = done.last;
  return { program: run.programs[program]?.name ?? '', pc, insn: instructionText(run, program, pc) };
}

function faultOf(run: ReadRun, memory: GuestMemory, done: VmRun): RunResult['fault'] {
  if (done.stop === undefined || outcome(done.code).kind !== 'fault') return null;
  return describeFault(run, memory, done.stop);
}

function outputOf(spec: RunSpec, run: ReadRun, vm: Vm, prints: PrintRow[]): RunResult['output'] {
  const { returns } = spec;
  const packet = returns.packet && spec.input.packet !== null ? hexOf(packetOutput(run.type, vm.packetBytes())) : null;
  const context = returns.ctx ? contextOutput(run.type, run.start, vm.contextBytes()) : null;
  const maps: RunResult['output']['maps'] = {};
  for (const name of returns.maps) {
    const index = run.maps.findIndex((map) => map.name === name);
    maps[name] = vm.maps[index]!.entries().map((entry) => ({ key: hexOf(entry.key), value: hexOf(entry.value) }));
  }
  return { packet, ctx: context === null ? null : hexOf(context), maps, prints, events: [] };
}

/** What the metrics observe beside the result. */
export function observationsOf(done: VmRun): Observations {
  const depths = Array.from(
    { length: Math.max(-1, ...done.chainDepths.keys()) + 1 },
    (_, depth) => done.chainDepths.get(depth) ?? 0,
  );
  const helperCalls = Object.fromEntries(
    [...done.helperCalls].map(([helper, calls]) => [HELPERS[helper]?.name ?? `helper#${helper}`, calls]),
  );
  return { chainDepths: depths, helperCalls, verifierRule: null };
}
