/** Loads on a service: as fast as it answers, and at a pace. */

import { Connection } from './http-client.ts';

/** Makes the next request. */
export type NextRequest = () => Buffer;

async function withConnections<T>(
  url: string,
  count: number,
  work: (all: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const all = await Promise.all(Array.from({ length: count }, () => Connection.open(url)));
  try {
    return await work(all);
  } finally {
    for (const one of all) one.close();
  }
}

async function sendOne(connection: Connection, next: NextRequest): Promise<void> {
  const { status } = await connection.send(next());
  if (status !== 200) throw new Error(`a request was answered ${status}`);
}

/** Requests a second when each of `connections` sends its next one as soon as it has its answer. */
export async function fullRate(
  url: string,
  next: NextRequest,
  connections: number,
  milliseconds: number,
): Promise<number> {
  return withConnections(url, connections, async (all) => {
    const begun = performance.now();
    const end = begun + milliseconds;
    let answered = 0;
    await Promise.all(
      all.map(async (connection) => {
        while (performance.now() < end) {
          await sendOne(connection, next);
          answered += 1;
        }
      }),
    );
    return (answered * 1000) / (performance.now() - begun);
  });
}

/**
 * Times of answers in ms, ascending, when requests are due at an even pace: each counts from when it was due, so that a late one does not
 * hide those behind it.
 */
export async function pacedTimes(
  url: string,
  next: NextRequest,
  {
    perSecond,
    connections,
    milliseconds,
  }: { readonly perSecond: number; readonly connections: number; readonly milliseconds: number },
): Promise<Float64Array> {
  return withConnections(url, connections, async (all) => {
    const free = [...all];
    const times: number[] = [];
    const total = Math.floor((perSecond * milliseconds) / 1000);
    const begun = performance.now();
    const waiting: number[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const pump = (): void => {
      while (free.length > 0 && waiting.length > 0) {
        const connection = free.pop()!;
        const due = waiting.shift()!;
        sendOne(connection, next).then(() => {
          times.push(performance.now() - due);
          free.push(connection);
          if (times.length === total) resolve();
          else pump();
        }, reject);
      }
    };
    let sent = 0;
    const tick = (): void => {
      const now = performance.now();
      for (; sent < total && begun + (sent * 1000) / perSecond <= now; sent += 1) {
        waiting.push(begun + (sent * 1000) / perSecond);
      }
      pump();
      if (sent < total) setTimeout(tick, 1);
    };
    tick();
    await promise;
    return Float64Array.from(times).sort();
  });
}

/** The value below which a part of the ascending values lies. */
export function quantile(ascending: Float64Array, part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}
