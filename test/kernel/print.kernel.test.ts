/** bpf_trace_printk on the running kernel: its answer, and the text in the trace where tracefs is there. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';
import { PRINT_ROWS, printAnswer, printRowRun } from '../support/print-rows.ts';

const TRACE = '/sys/kernel/tracing/trace';

/** How often a line stands in the trace, which others may write to as well; null: no trace can be read here. */
function occurrences(text: string): number | null {
  try {
    return readFileSync(TRACE, 'latin1').split(`bpf_trace_printk: ${text}`).length - 1;
  } catch {
    return null;
  }
}

describe('bpf_trace_printk on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const row of PRINT_ROWS) {
    test(JSON.stringify(row.format), () => {
      const before = row.printed === null ? null : occurrences(row.printed);
      const said = describedOnKernel(printRowRun(row));
      assert.equal(said.stage, 'done', `${said.errno}\n${said.log}`);
      assert.equal(said.retval, printAnswer(row));
      if (before !== null) assert.ok(occurrences(row.printed ?? '') === before + 1);
    });
  }
});
