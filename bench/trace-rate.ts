/** One client on loopback: steps a second and bytes a step, for readers that count and for the client that decodes. */

import { readFileSync } from 'node:fs';
import { WaggleClient } from '../src/client/client.ts';
import type { RunBody } from '../src/contract/run.ts';
import { MAX_CREDIT_BYTES } from '../src/contract/trace.ts';
import { BENCH_ROWS } from './rows.ts';
import { CountingReader, type Encoding } from './trace-reader.ts';
import type { BenchService } from './trace-service.ts';

/** The run whose trace is measured. */
export interface TracedRun {
  readonly id: string;
  readonly steps: number;
  /** The run itself, without records, as its result says. */
  readonly runMs: number;
}

/** The Internet checksum over 1,500 bytes, so often that the run has at least so many steps. */
export async function checksumRun(service: BenchService, leastSteps: number): Promise<TracedRun> {
  const row = BENCH_ROWS.find(({ name }) => name === 'checksum')!;
  const object = readFileSync(new URL(`programs/${row.object}.o`, import.meta.url));
  const client = new WaggleClient(service.api);
  const body = (repeat: number): RunBody => ({
    object: { elf: { base64: object.toString('base64') } },
    entry: row.entry,
    input: { packet: { hex: Buffer.from(row.packet()).toString('hex') } },
    repeat,
    budgets: { instructions: 10 * leastSteps, wallMs: 60_000, traceBytes: 1024 * 1024 * 1024 },
  });
  const once = Number((await client.run(body(1))).counters.instructions);
  const { id, outcome, counters, timing } = await client.run(body(Math.ceil(leastSteps / once)));
  if (outcome.code !== 'exit') throw new Error(`the run ended with ${outcome.code}`);
  return { id, steps: Number(counters.instructions), runMs: Number(timing.execNs) / 1e6 };
}

export interface Rate {
  readonly stepsPerSecond: number;
  readonly bytesPerStep: number;
}

/** A reader that only counts: the whole trace, or what comes within the time. */
export async function countedRate(
  service: BenchService,
  run: TracedRun,
  encoding: Encoding,
  mostMs: number,
): Promise<Rate> {
  const start = performance.now();
  const reader = await CountingReader.connect(service.api, run.id, { encoding });
  const timer = Promise.withResolvers<void>();
  const timeout = setTimeout(timer.resolve, mostMs);
  await Promise.race([reader.ended, timer.promise]);
  clearTimeout(timeout);
  const seconds = (performance.now() - start) / 1000;
  const rate = { stepsPerSecond: reader.steps / seconds, bytesPerStep: reader.bytes / reader.steps };
  reader.close();
  return rate;
}

/** The client of src/client/: every row decoded and explained. */
export async function decodedRate(
  service: BenchService,
  run: TracedRun,
  encoding: Encoding,
  mostMs: number,
): Promise<Rate> {
  const start = performance.now();
  let steps = 0;
  let bytes = 0;
  const trace = new WaggleClient(service.api).trace({ run: run.id, encoding, credit: MAX_CREDIT_BYTES });
  for await (const batch of trace.batches()) {
    if (batch.partial) continue;
    steps += batch.rows().length;
    bytes += batch.bytes;
    if (performance.now() - start > mostMs) break;
  }
  const seconds = (performance.now() - start) / 1000;
  trace.close();
  return { stepsPerSecond: steps / seconds, bytesPerStep: bytes / steps };
}
