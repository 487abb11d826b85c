/** The control-flow graph of a stored program in DOT, for Graphviz. */

import type { ProgramGraph } from '../contract/program.ts';
import type { EngineLimits } from '../contract/task.ts';
import { disassemble } from '../isa/disassemble.ts';
import type { MapSpec, ProgramSpec } from '../spec/object.ts';
import type { KnownPrograms } from './known-programs.ts';
import { LimitedText } from './limited-text.ts';
import { disassemblyNames } from './names.ts';
import { oneLine } from './program-listing.ts';

/** How each kind of way is drawn. */
const EDGE_STYLES: Readonly<Record<ProgramGraph['blocks'][number]['edges'][number]['kind'], string>> = {
  taken: 'label="taken"',
  not_taken: '',
  goto: '',
  next: 'style=dotted',
};

/** A quoted string of DOT. `\l` in it, which ends a line that stands left, is written by `label`. */
function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

function escaped(text: string): string {
  return oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

function label(lines: readonly string[]): string {
  return `"${lines.map((line) => `${escaped(line)}\\l`).join('')}"`;
}

function edge(from: string, to: string, style: string): string {
  return `  ${from} -> ${to}${style === '' ? '' : ` [${style}]`};\n`;
}

/** Lines of each block, `pc: text`. */
function blockLines(
  graph: ProgramGraph,
  program: ProgramSpec,
  maps: readonly MapSpec[],
  known: KnownPrograms,
): string[][] {
  const names = disassemblyNames(maps);
  const lines: string[][] = graph.blocks.map(() => []);
  let block = 0;
  for (const instruction of known.decode(program.code)) {
    while (instruction.pc >= graph.blocks[block]!.end) block += 1;
    lines[block]!.push(`${instruction.pc}: ${disassemble(instruction, names)}`);
  }
  return lines;
}

/**
 * One cluster a function, one node a block. Dashed: calls, and tail calls to a slot of a prog array (`?` where it is not known).
 * @throws ProblemFound limit_exceeded
 */
export function programDot(
  graph: ProgramGraph,
  program: ProgramSpec,
  maps: readonly MapSpec[],
  known: KnownPrograms,
  limits: EngineLimits,
): Uint8Array {
  const text = new LimitedText(limits);
  const lines = blockLines(graph, program, maps, known);
  text.add(`digraph ${quoted(program.name)} {\n  node [shape=box, fontname=Courier];\n  edge [fontname=Courier];\n`);
  graph.functions.forEach(({ name, entry, blocks }, number) => {
    text.add(`  subgraph cluster_${number} {\n    label=${quoted(name)};\n`);
    for (let block = entry; block < entry + blocks; block++) {
      const style = graph.blocks[block]!.reachable ? '' : ', style=dashed';
      text.add(`    b${block} [label=${label(lines[block]!)}${style}];\n`);
    }
    text.add('  }\n');
  });
  graph.blocks.forEach(({ edges }, block) => {
    for (const { kind, to } of edges)
      text.add(edge(`b${block}`, to === null ? 'outside' : `b${to}`, EDGE_STYLES[kind]));
  });
  if (graph.blocks.some(({ edges }) => edges.some(({ to }) => to === null))) {
    text.add('  outside [shape=plaintext];\n');
  }
  for (const { block, function: called } of graph.calls) {
    text.add(edge(`b${block}`, `b${graph.functions[called]!.entry}`, 'style=dashed, label="call"'));
  }
  const targets = new Set<string>();
  for (const { block, map, index } of graph.tailCalls) {
    const target = quoted(`${map ?? '?'}[${index ?? '?'}]`);
    targets.add(target);
    text.add(edge(`b${block}`, target, 'style=dashed, label="tail call"'));
  }
  for (const target of targets) text.add(`  ${target} [shape=cds];\n`);
  text.add('}\n');
  return text.bytes();
}
