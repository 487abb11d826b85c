/**
 * The thread of the embedded store: the whole of it (kysely, SQLite, files) lives here, and the API thread sends it calls. What is slow
 * here is the disk, and node:sqlite waits for it with the thread: in the API thread that would stop every request. A thread that took
 * single queries would need a message for each query of a transaction, and could not let one commit acknowledge many calls.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { sentError } from './sent-error.ts';
import { openSqliteFiles } from './sqlite-files.ts';
import type { Store } from './store.ts';
import type { FromThread, ThreadData, ToThread } from './store-calls.ts';

const port = parentPort!;
const send = (message: FromThread): void => port.postMessage(message);
/** The caller's clock, as it stood when the latest call was made. */
const clock = { now: 0 };

async function perform(store: Store, call: Extract<ToThread, { kind: 'call' }>): Promise<void> {
  const { number, part, method } = call;
  const target = (part === null ? store : store[part]) as unknown as Record<string, (...list: unknown[]) => unknown>;
  try {
    send({ kind: 'answer', number, answer: await target[method]!(...call.arguments) });
  } catch (error) {
    send({ kind: 'error', number, error: sentError(error) });
  }
}

function open(): Store | null {
  const { folder, quota } = workerData as ThreadData;
  try {
    return openSqliteFiles(folder, { quota, now: () => clock.now });
  } catch (error) {
    send({ kind: 'refused', error: sentError(error) });
    return null;
  }
}

const store = open();
if (store !== null) {
  port.on('message', (message: ToThread) => {
    if (message.kind === 'call') {
      clock.now = message.now;
      void perform(store, message);
    } else {
      void store.close().then(() => port.close());
    }
  });
  send({ kind: 'open' });
}
