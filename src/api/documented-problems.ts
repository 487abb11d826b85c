/** Which problems a route can answer, for the OpenAPI document: what follows from its shape, and what its config adds. */

import type { RouteOptions } from 'fastify';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import { isShared, needsKey } from './authentication.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Problems of this route beside those that its shape tells. */
    readonly problems?: readonly ProblemCode[];
    /** The answer has a Location (201, 202). */
    readonly location?: boolean;
  }
}

/** What a run can be refused for before it begins. */
export const RUN_PROBLEMS = [
  'bad_bytes',
  'bad_elf',
  'bad_btf',
  'bad_assembly',
  'bad_instructions',
  'bad_reference',
  'bad_map',
  'bad_input',
  'limit_exceeded',
  'queue_full',
  'not_implemented',
  'draining',
] as const satisfies readonly ProblemCode[];

/** What can be in the way of an answer that is made from a kept run: it left, or it ended with the problem of its request. */
export const KEPT_RUN_PROBLEMS = ['trace_gone', ...RUN_PROBLEMS] as const satisfies readonly ProblemCode[];

/** What can be in the way of a command on a map of a sandbox; errno says more. */
export const MAP_PROBLEMS = [
  'map_refused',
  'not_permitted',
  'no_entry',
  'queue_full',
  'draining',
] as const satisfies readonly ProblemCode[];

const BODY_PROBLEMS: readonly ProblemCode[] = [
  'bad_json',
  'schema_violation',
  'bad_request',
  'body_too_large',
  'unsupported_media_type',
];
const READING: readonly string[] = ['GET', 'HEAD'];

/**
 * The codes that a route may answer with.
 * @param keysRequired are there keys?
 */
export function problemsOf({ url, method, schema, config }: RouteOptions, keysRequired: boolean): Set<ProblemCode> {
  const methods: readonly string[] = [method].flat();
  const codes = new Set<ProblemCode>(['internal', 'answer_timeout', ...(config?.problems ?? [])]);
  const add = (condition: boolean, ...more: readonly ProblemCode[]) => {
    if (condition) for (const code of more) codes.add(code);
  };
  const reads = methods.every((one) => READING.includes(one));
  add(needsKey(url) || isShared(url), 'rate_limited', 'storage_failed');
  add(needsKey(url) && keysRequired, 'not_authenticated');
  // A web page whose origin is not listed may read and nothing else.
  add(!reads, 'forbidden', ...BODY_PROBLEMS);
  add(methods.includes('POST'), 'overloaded');
  add(schema?.params !== undefined, 'not_found');
  add(schema?.params !== undefined || schema?.querystring !== undefined, 'bad_request');
  return codes;
}

/** The codes of each status, statuses ascending. */
export function byStatus(codes: ReadonlySet<ProblemCode>): Map<number, ProblemCode[]> {
  const found = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    found.set(status, [...(found.get(status) ?? []), code].toSorted());
  }
  return new Map([...found].toSorted(([a], [b]) => a - b));
}
