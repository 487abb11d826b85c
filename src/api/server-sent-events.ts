/** The wire form of Server-Sent Events (HTML Living Standard, "Server-sent events"). */

import { setTimeout as delay } from 'node:timers/promises';

/** A line that means nothing, so that proxies and clients know that the connection lives. */
const HEARTBEAT = ': still here\n\n';

/** One event. `data` is one line of text; `id` is what Last-Event-ID brings back. */
export function eventText(type: string, data: string, id: number | null = null): string {
  return `event: ${type}\n${id === null ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}

/** The same text, with a heartbeat whenever nothing else came for so long, ms. */
export async function* withHeartbeat(events: AsyncGenerator<string>, everyMs: number): AsyncGenerator<string> {
  try {
    for (;;) {
      const next = events.next();
      let result: IteratorResult<string> | null = null;
      while (result === null) {
        const timer = new AbortController();
        const silence = delay(everyMs, null, { signal: timer.signal }).catch(() => null);
        result = await Promise.race([next, silence]);
        timer.abort();
        if (result === null) yield HEARTBEAT;
      }
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await events.return(undefined);
  }
}
