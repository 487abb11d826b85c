/** A service that listens, and clients of its trace socket that have said hello. */

import type { TestContext } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { type BuildOptions, type BuiltService, build } from './service.ts';
import { connectTrace, type Heard, type TraceClient, type TraceClientOptions } from './trace-client.ts';

export interface ListeningService extends BuiltService {
  readonly url: string;
  /** The value of a metric's line, such as `trace_closes_total{code="1000"}`. */
  readonly metric: (series: string) => Promise<number>;
  /** Resolves when that value is there. */
  readonly reaches: (series: string, value: number) => Promise<void>;
}

export async function listening(t: TestContext, options: BuildOptions = {}): Promise<ListeningService> {
  const service = await build(t, options);
  const url = await service.api.listen({ host: '127.0.0.1', port: 0 });
  const metric = async (series: string): Promise<number> => {
    const { body } = await service.admin.inject('/metrics');
    const line = body.split('\n').find((one) => one.startsWith(`waggle_${series} `));
    if (line === undefined) throw new Error(`there is no ${series}`);
    return Number(line.slice(line.lastIndexOf(' ') + 1));
  };
  const reaches = async (series: string, value: number): Promise<void> => {
    while ((await metric(series)) !== value) await immediate();
  };
  return { ...service, url, metric, reaches };
}

export interface Hello {
  readonly encoding?: 'binary' | 'json';
  readonly maxBatchBytes?: number;
}

export async function greeted(
  url: string,
  hello: Hello = { encoding: 'json' },
  options: TraceClientOptions = {},
): Promise<TraceClient> {
  const client = await connectTrace(url, options);
  client.say({ type: 'hello', client: 'test', ...hello });
  await client.wait('welcome');
  return client;
}

/** What a client has heard of one subscription. */
export function heardOf(client: TraceClient, id: string): Heard[] {
  return client.heard.filter((message) => message.id === id);
}

/** The kinds of messages that a client has heard of one subscription, runs of the same kind as one. */
export function kindsOf(client: TraceClient, id: string): string[] {
  const kinds = heardOf(client, id).map(({ type }) => type as string);
  return kinds.filter((kind, place) => kind !== kinds[place - 1]);
}
