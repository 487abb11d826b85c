/** 405 with `Allow` for a method that an address does not take; Fastify alone would answer 404. */

import type { HTTPMethods } from 'fastify';
import { ProblemError } from './problem-error.ts';
import type { Api } from './services.ts';

/** Every method that an address may take. */
export const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Begins to note the methods of every address registered from now on. */
export function watchMethods(app: Api): Map<string, Set<string>> {
  const taken = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = taken.get(url) ?? new Set();
    for (const one of Array.isArray(method) ? method : [method]) methods.add(one.toUpperCase());
    taken.set(url, methods);
  });
  return taken;
}

/** Registers, for every noted address, an answer to the methods that it does not take. Call it after the routes. */
export function refuseOtherMethods(app: Api, taken: ReadonlyMap<string, ReadonlySet<string>>): void {
  // The routes added here are noted too, hence the copy.
  for (const [url, methods] of Array.from(taken)) {
    const others = METHODS.filter((method) => !methods.has(method));
    if (others.length === 0 || url.includes('*')) continue;
    const allow = [...methods].toSorted().join(', ');
    app.route({
      method: [...others],
      url,
      schema: { hide: true },
      // Before the body is read, so that its type and size do not matter.
      onRequest: async (request, reply) => {
        reply.header('allow', allow);
        throw new ProblemError({ code: 'method_not_allowed', detail: `${url} takes ${allow}, not ${request.method}.` });
      },
      handler: async () => undefined,
    });
  }
}
