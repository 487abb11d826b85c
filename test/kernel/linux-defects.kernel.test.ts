/**
 * Programs on which Linux 6.18 itself departs from RFC 9669: its verifier believes something false, and removes code because of it.
 * The engine does not model a mistaken belief: engine and oracle give what the instructions say, here and on every machine. A kernel in
 * which the defect is mended agrees with them, and the test says so.
 *
 * One more defect has no row, since a kernel must not be given it: when a packet load (LD_ABS, LD_IND) stands in a subprogram and a number
 * must be followed back through the call, the verifier mistakes the way out that the load may take. It warns ("verifier bug: static subprog
 * unexpected regs") and refuses, or, when the number is in r1 to r5, writes outside its own memory.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RunDescription, resultOf } from '../support/engine-run.ts';
import { kernelAvailable } from '../support/kernel/available.ts';
import { describedOnKernel } from '../support/kernel/run-description.ts';

interface DefectRow {
  readonly name: string;
  readonly description: RunDescription;
  /** Return value by RFC 9669. */
  readonly returnValue: number;
  /** What Linux 6.18 gives. null: it agrees (the twin of a row that does not). */
  readonly linux: number | null;
}

/** The caller's slot holds 7; `sub` works on the slot at the same place of its own frame. */
const inSubprogram = (sub: string, judge: string): RunDescription => ({
  programs: { entry: `*(u64 *)(r10 - 8) = 7\ncall sub\n${judge}exit\nsub:\n*(u64 *)(r10 - 8) = 5\n${sub}exit` },
});
const LOADED = 'r1 = r0\nr0 = 3\nif r1 == 7 goto +1\nr0 = 2\n';
const STORED = 'r0 = 3\nr1 = *(u64 *)(r10 - 8)\nif r1 == 9 goto +1\nr0 = 2\n';

const FRAME_POINTER_SECOND = 'number += r10 keeps the frame number 0 of the number';
const DEFECTS: readonly DefectRow[] = [
  {
    name: `${FRAME_POINTER_SECOND}: a load is believed to give the caller's 7, and the branch for 5 is removed`,
    description: inSubprogram('r2 = -8\nr2 += r10\nr0 = *(u64 *)(r2 + 0)\n', LOADED),
    returnValue: 2,
    linux: 3,
  },
  {
    name: 'r10 + number is right',
    description: inSubprogram('r2 = r10\nr3 = -8\nr2 += r3\nr0 = *(u64 *)(r2 + 0)\n', LOADED),
    returnValue: 2,
    linux: null,
  },
  {
    name: `${FRAME_POINTER_SECOND}: a store is believed to change the caller's 7, and the branch for 7 is removed`,
    description: inSubprogram('r2 = -8\nr2 += r10\n*(u64 *)(r2 + 0) = 9\nr0 = 0\n', STORED),
    returnValue: 2,
    linux: 3,
  },
  {
    name: 'a store through r10 + number is right',
    description: inSubprogram('r2 = r10\nr3 = -8\nr2 += r3\n*(u64 *)(r2 + 0) = 9\nr0 = 0\n', STORED),
    returnValue: 2,
    linux: null,
  },
];

for (const { name, description, returnValue } of DEFECTS) {
  test(`by RFC 9669: ${name}`, () => {
    const oracle: boolean[] = [];
    const result = resultOf(description, { checked: (checked) => oracle.push(checked.oracle) });
    assert.equal(result.returnValue, returnValue);
    assert.deepEqual(oracle, [true]);
  });
}

describe('on Linux', { skip: kernelAvailable() ?? false }, () => {
  for (const { name, description, returnValue, linux } of DEFECTS) {
    test(name, (context) => {
      const said = describedOnKernel(description);
      const agrees = said.stage === 'done' && said.retval === returnValue;
      if (linux === null) assert.ok(agrees, `${said.retval} ${said.errno}\n${said.log}`);
      else if (agrees) context.diagnostic('this kernel agrees with RFC 9669: the defect of 6.18 is mended');
      else assert.deepEqual([said.stage, said.retval], ['done', linux], said.log);
    });
  }
});
