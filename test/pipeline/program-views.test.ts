/** What is shown of programs: of every committed object, of every assembly that tests know, and of generated programs. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { limitsWith } from '../../src/contract/limits.ts';
import { Disassembly, ProgramDetails, ProgramGraph, ProgramVerification } from '../../src/contract/program.ts';
import type { ProgramView, ReadProgram } from '../../src/contract/program-task.ts';
import { assemble } from '../../src/isa/assemble.ts';
import { decode } from '../../src/isa/decode.ts';
import { slotCount } from '../../src/isa/instruction.ts';
import { OPCODES } from '../../src/isa/opcodes.ts';
import { KnownPrograms } from '../../src/pipeline/known-programs.ts';
import { runProgramTask } from '../../src/pipeline/program-task.ts';
import { decodeProgram, encodeProgram } from '../../src/pipeline/stored-program.ts';
import { helperId } from '../../src/spec/helpers.ts';
import { generateRun } from '../fuzz/generator.ts';
import { encodeItems } from '../fuzz/program.ts';
import { runSpec } from '../support/engine-run.ts';
import { objectBytes } from '../support/fixtures.ts';
import { ALL_RUNS } from '../support/run-body.ts';
import { answerUpload, stored, storedProgram } from '../support/stored-runs.ts';

function viewOf({ id, name, form }: ReadProgram, view: ProgramView): string {
  const task = { kind: 'view_program', tenant: 'test', id, form, name, view, limits: limitsWith() } as const;
  const answer = runProgramTask(new KnownPrograms(), task);
  assert.equal(answer.kind, 'program_view', JSON.stringify(answer));
  return new TextDecoder().decode((answer as Extract<typeof answer, { kind: 'program_view' }>).body);
}

const json = <T>(program: ReadProgram, view: ProgramView): T => JSON.parse(viewOf(program, view)) as T;

const OBJECTS = readdirSync(new URL('../fixtures/', import.meta.url)).filter((name) => name.endsWith('.o'));

function objectPrograms(): ReadProgram[] {
  return [...OBJECTS, 'parser-chain.o', 'worked-example.o'].flatMap((name) => {
    const answer = answerUpload({ kind: 'object', elf: objectBytes(name), pointer: '' });
    // Some are there to be refused.
    return answer.kind === 'programs_read' ? answer.programs : [];
  });
}

function assemblyPrograms(): ReadProgram[] {
  return ALL_RUNS.flatMap(([, description]) => {
    const spec = runSpec(description);
    return spec.programs.map((program) => storedProgram(program, spec.maps));
  });
}

/** Jumps in all directions, loops, calls. */
function generatedPrograms(): ReadProgram[] {
  return Array.from({ length: 60 }, (_, seed) => generateRun(seed, { unsafePercent: 50 })).flatMap(
    ({ programs, run, type }) => {
      const maps = runSpec({ maps: Object.fromEntries((run.maps ?? []).map((_, index) => [`m${index}`, {}])) }).maps;
      return programs.flatMap((items, index) => {
        const [request] = runSpec({ programs: { [`p${index}`]: 'exit' }, type }).programs;
        const program = { ...request!, source: { kind: 'insns', bytes: encodeItems(items) } as const };
        return stored({ kind: 'program', program, maps });
      });
    },
  );
}

const ALL: readonly (readonly [what: string, programs: () => ReadProgram[], least: number])[] = [
  ['objects', objectPrograms, 60],
  ['assembly', assemblyPrograms, 150],
  ['generated programs', generatedPrograms, 100],
];

type Graph = ProgramGraph;

/** Blocks that can be reached from a block of the same function without passing `removed`. */
function reached({ blocks }: Graph, from: number, removed: number): Set<number> {
  const found = new Set<number>();
  const pending = [from];
  for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
    if (block === removed || found.has(block)) continue;
    found.add(block);
    for (const { to } of blocks[block]!.edges) if (to !== null) pending.push(to);
  }
  return found;
}

/** Blocks of a function above which dominators are not computed the slow way. */
const MOST_NAIVE = 60;

function checkGraph(program: ReadProgram): void {
  const graph = json<Graph>(program, 'cfg');
  assert.deepEqual([...Value.Errors(ProgramGraph, graph)], []);
  const instructions = decode(decodeProgram(program.form).program.code);
  const { functions, blocks } = graph;
  // Blocks lie one behind the other from the first slot to the last: each instruction is in exactly one.
  const last = instructions.at(-1)!;
  assert.equal(blocks[0]?.pc, 0);
  assert.equal(blocks.at(-1)!.end, last.pc + slotCount(last));
  for (const [index, block] of blocks.slice(1).entries()) assert.equal(block.pc, blocks[index]!.end);
  const starts = new Map(blocks.map(({ pc }, block) => [pc, block]));
  const byPc = new Map(instructions.map((one) => [one.pc, one]));
  functions.forEach(({ pc, entry, blocks: count }, number) => {
    assert.equal(blocks[entry]?.pc, pc);
    for (let block = entry; block < entry + count; block++) assert.equal(blocks[block]!.function, number);
  });
  blocks.forEach(({ pc, end, edges, function: number }, block) => {
    const inside = instructions.filter((one) => one.pc >= pc && one.pc < end);
    const jumps = (at: number): boolean => /^(goto|jump|exit)$/.test(OPCODES[byPc.get(at)?.opcode ?? 0]?.kind ?? '');
    for (const one of inside.slice(0, -1)) assert.ok(!jumps(one.pc), 'control leaves a block only at its end');
    const { entry, blocks: count } = functions[number]!;
    const tail = inside.at(-1)!;
    const row = OPCODES[tail.opcode];
    const target = tail.pc + 1 + (row?.kind === 'goto' && row.long ? tail.imm : tail.offset);
    const place = (at: number): number | null => {
      const found = starts.get(at);
      return found !== undefined && found >= entry && found < entry + count ? found : null;
    };
    const expected =
      row?.kind === 'exit'
        ? []
        : row?.kind === 'goto'
          ? [{ kind: 'goto', to: place(target) }]
          : row?.kind === 'jump'
            ? [
                { kind: 'taken', to: place(target) },
                { kind: 'not_taken', to: place(end) },
              ]
            : [{ kind: 'next', to: place(end) }];
    assert.deepEqual(edges, expected, `block ${block}`);
  });
  for (const { entry, blocks: count } of functions) {
    if (count > MOST_NAIVE) continue;
    const all = reached(graph, entry, -1);
    for (let block = entry; block < entry + count; block++) {
      const { reachable, dominator } = blocks[block]!;
      assert.equal(reachable, all.has(block));
      if (block === entry || !reachable) assert.equal(dominator, null);
      else {
        const strict = [...all].filter((one) => one !== block && !reached(graph, entry, one).has(block));
        const immediate = strict.filter((one) =>
          strict.every((other) => other === one || !reached(graph, entry, other).has(one)),
        );
        assert.deepEqual([dominator], immediate);
      }
    }
  }
  for (const { header, backEdges, parent, depth } of graph.loops) {
    for (const from of backEdges) assert.ok(blocks[from]!.edges.some(({ to }) => to === header));
    assert.equal(depth, parent === null ? 1 : graph.loops[parent]!.depth + 1);
    assert.equal(graph.loops[blocks[header]!.loop!]!.header, header);
  }
  for (const { pc, block, function: called } of graph.calls) {
    assert.ok(pc >= blocks[block]!.pc && pc < blocks[block]!.end);
    const instruction = byPc.get(pc)!;
    assert.equal(functions[called]!.pc, pc + 1 + instruction.imm);
  }
  for (const { pc, block } of graph.tailCalls) {
    assert.ok(pc >= blocks[block]!.pc && pc < blocks[block]!.end);
    assert.deepEqual([byPc.get(pc)?.opcode, byPc.get(pc)?.imm], [0x85, 12]);
  }
}

function checkListing(program: ReadProgram): void {
  const { program: read, maps } = decodeProgram(program.form);
  const names = maps.map(({ name }) => name);
  const map = (name: string) => {
    const number = /^map#([0-9]+)$/.exec(name)?.[1];
    const index = number === undefined ? names.indexOf(name) : Number(number);
    return index < 0 ? undefined : index;
  };
  const { code } = assemble(viewOf(program, 'listing'), { helper: helperId, map });
  assert.deepEqual(Buffer.from(code), Buffer.from(read.code));
  const { insns } = json<Disassembly>(program, 'disassembly');
  assert.equal(insns.map(({ hex }) => hex).join(''), Buffer.from(read.code).toString('hex'));
}

/** Nodes and edges of the text, read by their form. */
function checkDot(program: ReadProgram): void {
  const graph = json<Graph>(program, 'cfg');
  const dot = viewOf(program, 'dot');
  const quoted = '"(?:[^"\\\\\\n]|\\\\.)*"';
  const line = new RegExp(
    `^(?:digraph ${quoted} \\{|\\}|  \\}|  subgraph cluster_[0-9]+ \\{|    label=${quoted};|  (?:node|edge) \\[[^"\\n]*\\];|` +
      `    b[0-9]+ \\[label=${quoted}(?:, style=dashed)?\\];|  outside \\[shape=plaintext\\];|  ${quoted} \\[shape=cds\\];|` +
      `  b[0-9]+ -> (?:b[0-9]+|outside|${quoted})(?: \\[[^\\n]*\\])?;)$`,
  );
  const lines = dot.trimEnd().split('\n');
  assert.deepEqual(
    lines.filter((one) => !line.test(one)),
    [],
  );
  const count = (pattern: RegExp) => lines.filter((one) => pattern.test(one)).length;
  assert.equal(count(/^ {4}b[0-9]+ \[label=/), graph.blocks.length);
  const edges = graph.blocks.reduce((sum, block) => sum + block.edges.length, 0);
  assert.equal(count(/ -> /), edges + graph.calls.length + graph.tailCalls.length);
}

for (const [what, programs, least] of ALL) {
  test(`${what}: every view is what the program is`, () => {
    const all = programs();
    assert.ok(all.length >= least, `${all.length} programs`);
    for (const program of all) {
      assert.deepEqual(encodeProgram(decodeProgram(program.form)), { id: program.id, form: program.form });
      checkGraph(program);
      checkListing(program);
      checkDot(program);
      const views = [
        ['details', ProgramDetails],
        ['disassembly', Disassembly],
        ['verification', ProgramVerification],
      ] as const;
      for (const [view, schema] of views) assert.deepEqual([...Value.Errors(schema, json(program, view))], [], view);
    }
  });
}
