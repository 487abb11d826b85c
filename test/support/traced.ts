/** A service that listens, with limits that a test's many questions do not reach, and its client. */

import type { TestContext } from 'node:test';
import { WaggleClient } from '../../src/client/client.ts';
import type { Limits } from '../../src/contract/limits.ts';
import { type BuiltService, build } from './service.ts';

export const TRACE_LIMITS: Partial<Limits> = {
  maxTraceSockets: 1_000,
  maxTraceMessagesPerSecond: 10_000,
  maxTraceMessageBurst: 10_000,
};

export interface TracedService {
  readonly service: BuiltService;
  readonly client: WaggleClient;
  readonly url: string;
}

/** With the real worker body, on a free port; it ends with the test. */
export async function tracedService(
  t: TestContext,
  { workers = 2, limits = {} }: { workers?: number; limits?: Partial<Limits> } = {},
): Promise<TracedService> {
  const service = await build(t, { worker: null, config: { workers }, limits: { ...TRACE_LIMITS, ...limits } });
  await service.api.listen({ host: '127.0.0.1', port: 0 });
  const url = service.urls().api;
  return { service, client: new WaggleClient(url), url };
}
