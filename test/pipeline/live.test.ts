/** What a run says while it goes on: prints and map writes up to their limits, and which steps' lines were lost beyond them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { limitsWith } from '../../src/contract/limits.ts';
import type { TraceMessage } from '../../src/contract/task.ts';
import { Engine } from '../../src/pipeline/engine.ts';
import { type RunDescription, runSpec } from '../support/engine-run.ts';

const LINES = 3;

function told(description: RunDescription): TraceMessage[] {
  const { port1, port2 } = new MessageChannel();
  new Engine().run({
    kind: 'run',
    id: 'test',
    spec: runSpec(description),
    limits: limitsWith({ maxPrintLines: LINES, maxMapLines: LINES }),
    queueUs: 0,
    tracePort: port2,
    cancel: new Int32Array(new SharedArrayBuffer(4)),
  });
  const messages: TraceMessage[] = [];
  for (let next = receiveMessageOnPort(port1); next !== undefined; next = receiveMessageOnPort(port1)) {
    messages.push(next.message as TraceMessage);
  }
  port1.close();
  return messages;
}

const UPDATE = `*(u64 *)(r10 - 8) = 5
r1 = m ll
r2 = r10
r2 += -8
r3 = r2
r4 = 0
call map_update_elem
r0 = 0
exit`;
const PRINT = `*(u64 *)(r10 - 8) = 0x6968
r1 = r10
r1 += -8
r2 = 8
call trace_printk
r0 = 0
exit`;
/** Of the helper's call in each repetition, and steps of one. */
const ROWS = [
  { type: 'map', program: UPDATE, call: 6, steps: 9 },
  { type: 'print', program: PRINT, call: 4, steps: 7 },
] as const;

for (const { type, program, call, steps } of ROWS) {
  test(`${type}: lines up to the limit, then which steps had more`, () => {
    const description = {
      programs: { p: program },
      maps: { m: { type: 'hash', keySize: 8, valueSize: 8, maxEntries: 4 } },
    };
    const within = told({ ...description, repeat: LINES });
    assert.equal(within.filter((message) => message.type === type).length, LINES);
    assert.ok(!within.some((message) => message.type === 'lost'));
    const beyond = told({ ...description, repeat: LINES + 2 });
    assert.equal(beyond.filter((message) => message.type === type).length, LINES);
    assert.deepEqual(
      beyond.filter((message) => message.type === 'lost'),
      [{ type: 'lost', first: LINES * steps + call, last: (LINES + 1) * steps + call }],
    );
  });
}
