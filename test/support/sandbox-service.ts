/** A service with the real engine and short words for the routes under /v1/sandboxes. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { SandboxBody } from '../../src/contract/sandbox.ts';
import { type BuildOptions, type BuiltService, build } from './service.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads the fields of the answer that it expects
  readonly body: any;
}

export interface SandboxService extends BuiltService {
  readonly ask: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;
  /** Makes a sandbox and answers its path. */
  readonly make: (body: SandboxBody) => Promise<string>;
}

export async function sandboxService(t: TestContext, options: BuildOptions = {}): Promise<SandboxService> {
  const service = await build(t, { worker: null, ...options });
  const ask: SandboxService['ask'] = async (method, path, body, headers = {}) => {
    const response = await service.api.inject({
      method: method as 'GET',
      url: path,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    const { statusCode: status } = response;
    return { status, headers: response.headers, body: response.body === '' ? null : response.json() };
  };
  return {
    ...service,
    ask,
    make: async (body) => {
      const answer = await ask('POST', '/v1/sandboxes', body);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      assert.equal(answer.headers.location, `/v1/sandboxes/${answer.body.id}`);
      return String(answer.headers.location);
    },
  };
}

/** entry tail-calls slot 0 of `chain`, whose programs return 2 and 1; every one counts in `hits`. */
export const CHAIN: SandboxBody = {
  programs: [
    { name: 'entry', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' },
    { name: 'pass', type: 'xdp', asm: counting(0, 2) },
    { name: 'drop', type: 'xdp', asm: counting(1, 1) },
  ],
  maps: [
    { name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'pass' } },
    { name: 'hits', type: 'array', keySize: 4, valueSize: 8, maxEntries: 2 },
    { name: 'flows', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 3 },
  ],
};

/** Adds 1 to element `index` of `hits`, and returns `value`. */
export function counting(index: number, value: number): string {
  return [
    `*(u32 *)(r10 - 4) = ${index}`,
    'r2 = r10',
    'r2 += -4',
    'r1 = hits ll',
    'call bpf_map_lookup_elem',
    'if r0 == 0 goto out',
    'r1 = *(u64 *)(r0 + 0)',
    'r1 += 1',
    '*(u64 *)(r0 + 0) = r1',
    'out:',
    `r0 = ${value}`,
    'exit',
  ].join('\n');
}

/** The input of most runs. */
export const PACKET = { packet: { hex: '00'.repeat(64) } };
