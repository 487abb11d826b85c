/** bpf_trace_printk on the running kernel: its answer, and the text in the trace where tracefs is there. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { PRINT_ROWS, printAnswer, printRowRun } from '../support/print-rows.ts';

const TRACE = '/sys/kernel/tracing/trace';
/** 0: nothing is written; Linux switches it off by itself after a fault of its own. */
const TRACING_ON = '/sys/kernel/tracing/tracing_on';

/** The trace, which others may write to as well; null: none can be read here, or nothing comes to it. */
function readTrace(): string | null {
  try {
    return readFileSync(TRACING_ON, 'latin1').startsWith('1') ? readFileSync(TRACE, 'latin1') : null;
  } catch {
    return null;
  }
}

/** What came to the trace after its last line was `last`. */
function since(last: string): string {
  const trace = readTrace() ?? '';
  return trace.slice(trace.lastIndexOf(last) + last.length);
}

describe('bpf_trace_printk on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of PRINT_ROWS) {
    test(JSON.stringify(row.format), () => {
      const last = readTrace()?.trimEnd().split('\n').at(-1);
      const said = describedOnKernel(printRowRun(row));
      assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
      assert.equal(said.retval, printAnswer(row));
      if (last !== undefined && row.printed !== null)
        assert.ok(since(last).includes(`bpf_trace_printk: ${row.printed}`));
    });
  }
});
