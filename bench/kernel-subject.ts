/**
 * Linux's side: the same object through bpf(2), repeated inside one BPF_PROG_TEST_RUN. The time is the kernel's own, in whole nanoseconds: the
 * system call itself takes a millisecond around the repetitions (it switches the XDP dispatcher and waits for RCU).
 */

import { limitsWith } from '../src/contract/limits.ts';
import { readRun } from '../src/pipeline/load.ts';
import type { Kernel } from '../test/support/kernel/kernel.ts';
import type { BenchRow } from './rows.ts';
import { rowSpec, type Subject } from './subject.ts';

/** @throws Error when the kernel refuses a program: then the bench's own C is wrong */
export function kernelSubject(kernel: Kernel, row: BenchRow): Subject {
  const spec = rowSpec(row);
  const run = readRun(spec, limitsWith());
  const maps = run.maps.map((map) => {
    const { map: made, errno } = kernel.createMap(map);
    if (made === undefined) throw new Error(`${row.name}: map ${map.name}: ${errno}`);
    for (const { key, value } of map.entries) kernel.update(made, key, value);
    return made;
  });
  const descriptors = new Map<string, number>();
  for (const program of run.programs) {
    const { descriptor, errno, log } = kernel.load(program, maps);
    if (descriptor === undefined)
      throw new Error(`${row.name}: program ${program.name}: ${errno}\n${log.slice(-2000)}`);
    descriptors.set(program.name, descriptor);
  }
  for (const map of maps) {
    for (const slot of map.spec.slots) kernel.setSlot(map, slot.index, descriptors.get(slot.program)!);
  }
  const entry = descriptors.get(row.entry)!;
  return {
    run: (repeat) => {
      const input = { packet: spec.input.packet, context: null, repeat };
      const { errno, returnValue, durationNs } = kernel.testRun(entry, input);
      if (errno !== null) throw new Error(`${row.name}: test run: ${errno}`);
      return { result: returnValue, elapsed: durationNs * repeat };
    },
  };
}
