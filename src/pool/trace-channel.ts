/**
 * The port on which a worker tells a listener what happens while a run goes on. Result and trace come over two ports without mutual
 * order: whoever closes this one when the result is there loses messages, hence `ended`.
 */

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { TraceMessage } from '../contract/task.ts';

/** How long after the result the worker's `end` may still be under way; a defect of ours otherwise. */
export const END_MARK_MS = 1_000;

export type TraceListener = (message: Exclude<TraceMessage, { type: 'end' }>) => void;

export interface TraceChannel {
  /** The worker's side, to be transferred. */
  readonly port: MessagePort;
  /** Says something to the worker. */
  readonly post: (message: unknown) => void;
  /** Resolves true when `end` has come, false when it does not come within END_MARK_MS of this call; the port is closed then. */
  finish(): Promise<boolean>;
  /** Closes at once: the worker is gone. */
  close(): void;
}

/** Opens a channel that hands every message but `end` to the listener, in order. */
export function openTraceChannel<Message extends { readonly type: string }>(
  listener: (message: Exclude<Message, { type: 'end' }>) => void,
): TraceChannel {
  const { port1, port2 } = new MessageChannel();
  const { promise: ended, resolve: end } = Promise.withResolvers<boolean>();
  port1.on('message', (message: Message) => {
    if (message.type === 'end') end(true);
    else listener(message as Exclude<Message, { type: 'end' }>);
  });
  return {
    port: port2,
    post: (message) => port1.postMessage(message),
    async finish() {
      const timer = setTimeout(() => end(false), END_MARK_MS);
      const complete = await ended;
      clearTimeout(timer);
      port1.close();
      return complete;
    },
    close() {
      port1.close();
    },
  };
}
