/** Random programs for the tests of fuel: nested loops with breaks and continues, and jumps from anywhere to anywhere. */

import fc from 'fast-check';

/** Registers that conditions look at; a program and each of its functions set them first, and keep the context on the stack. */
const STATE = ['r6', 'r7', 'r8', 'r9'];
const state = fc.constantFrom(...STATE);
const work = fc
  .array(
    fc.tuple(state, fc.integer({ min: -3, max: 5 })).map(([register, value]) => `${register} += ${value}`),
    { maxLength: 3 },
  )
  .map((lines) => lines.join('\n'));
const condition = fc.oneof(
  fc.tuple(state, fc.constantFrom(1, 2, 3, 4, 7)).map(([register, mask]) => `if ${register} & ${mask}`),
  fc.tuple(state, fc.integer({ min: 0, max: 20 })).map(([register, value]) => `if ${register} > ${value}`),
  fc.tuple(state, fc.integer({ min: 0, max: 20 })).map(([register, value]) => `if ${register} < ${value}`),
);

const START = 'r6 = 1\nr7 = 3\nr8 = 6\nr9 = 10\n*(u64 *)(r10 - 8) = r1\n';
const CONTEXT = 'r1 = *(u64 *)(r10 - 8)\n';

const callOf = (name: string): string => `${CONTEXT}call ${name}`;
const hopTo = (program: number): string => `${CONTEXT}r2 = chain ll\nr3 = ${program}\ncall bpf_tail_call`;

/** What a body may call besides jumping: names of functions behind it, and a tail call. */
type Calls = readonly string[];

/** Blocks whose jumps go anywhere: loops with several entries, jumps back that close no loop, blocks that nothing reaches. */
function jumpingBody(prefix: string, calls: Calls): fc.Arbitrary<string> {
  const block = fc.record({
    work,
    call: fc.option(fc.constantFrom(...calls, ''), { freq: 3 }),
    condition: fc.option(condition),
    target: fc.nat(),
    /** Some blocks end in a goto or an exit, most fall through. */
    end: fc.constantFrom('through', 'through', 'goto', 'goto', 'exit'),
    gotoTarget: fc.nat(),
  });
  return fc.array(block, { minLength: 2, maxLength: 9 }).map((blocks) => {
    const label = (target: number) => `${prefix}${target % blocks.length}`;
    const lines = blocks.map((one, index) => {
      const out = [`${prefix}${index}:`, one.work];
      if (one.call) out.push(one.call);
      if (one.condition !== null) out.push(`${one.condition} goto ${label(one.target)}`);
      if (one.end === 'goto') out.push(`goto ${label(one.gotoTarget)}`);
      if (one.end === 'exit') out.push('r0 = r6', 'exit');
      return out.filter((line) => line !== '').join('\n');
    });
    return `${START}${lines.join('\n')}\nr0 = r7\nexit\n`;
  });
}

type Statement =
  | { readonly kind: 'work'; readonly text: string }
  | { readonly kind: 'loop' | 'if'; readonly condition: string; readonly body: readonly Statement[] }
  | { readonly kind: 'break' | 'continue'; readonly condition: string };

/** Loops inside loops, as a compiler writes them. */
function nestedBody(prefix: string, calls: Calls): fc.Arbitrary<string> {
  const { body } = fc.letrec<{ body: Statement[]; statement: Statement }>((tie) => ({
    statement: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(work, fc.constantFrom(...calls, 'r6 += 1')).map((text) => ({ kind: 'work' as const, text })),
      fc.record({ kind: fc.constantFrom('break' as const, 'continue' as const), condition }),
      fc.record({ kind: fc.constantFrom('loop' as const, 'if' as const), condition, body: tie('body') }),
    ),
    body: fc.array(tie('statement'), { minLength: 1, maxLength: 4 }),
  }));
  return body.map((statements) => {
    let labels = 0;
    const write = (list: readonly Statement[], loop: { head: string; end: string } | null): string =>
      list
        .map((statement) => {
          if (statement.kind === 'work') return statement.text;
          const start = `${prefix}s${labels}`;
          const end = `${prefix}e${labels}`;
          labels++;
          if (statement.kind === 'loop') {
            const inner = write(statement.body, { head: start, end });
            return `${start}:\nr9 += 1\n${inner}\n${statement.condition} goto ${start}\n${end}:\nr6 += 1`;
          }
          if (statement.kind === 'if') {
            return `${statement.condition} goto ${end}\n${write(statement.body, loop)}\n${end}:\nr8 += 1`;
          }
          if (loop === null) return 'r7 += 1';
          return `${statement.condition} goto ${statement.kind === 'break' ? loop.end : loop.head}`;
        })
        .filter((text) => text !== '')
        .join('\n');
    return `${START}${write(statements, null)}\nr0 = r8\nexit\n`;
  });
}

function bodyOf(prefix: string, calls: Calls): fc.Arbitrary<string> {
  return fc.oneof(jumpingBody(prefix, calls), nestedBody(prefix, calls));
}

/**
 * A program's assembly: a main function that may call f and g, f may call g, all three may tail-call through `chain`.
 * @param hops numbers of the programs that they may go to
 */
export function flowProgram(hops: readonly number[]): fc.Arbitrary<string> {
  const anywhere = hops.map(hopTo);
  return fc
    .tuple(
      bodyOf('m', [callOf('f'), callOf('g'), ...anywhere]),
      bodyOf('f', [callOf('g'), ...anywhere]),
      bodyOf('g', ['r7 += 2', ...anywhere]),
    )
    .map(([main, f, g]) => {
      const withF = main.includes('call f');
      const withG = main.includes('call g') || (withF && f.includes('call g'));
      return `${main}${withF ? `f:\n${f}` : ''}${withG ? `g:\n${g}` : ''}`;
    });
}
