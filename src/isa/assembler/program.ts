/** What all dialects share: from the text of one program to its bytes, functions and lines. */

import { encode } from '../encode.ts';
import { Cursor } from './cursor.ts';
import type { Draft } from './draft.ts';
import { AssemblyError } from './error.ts';
import { tokenize } from './lexer.ts';
import { type AssemblyNames, link } from './link.ts';
import type { ListingColumns } from './listing.ts';
import { registerOf } from './operands.ts';

/**
 * Longest text, in bytes of UTF-8. It bounds the program too: no instruction is shorter than `exit` and what separates it from
 * the next, so a program has at most 209,715 instructions.
 */
export const MAX_ASSEMBLY_BYTES = 1024 * 1024;

/** Where an instruction stands in the text. */
export interface AssemblyLine {
  readonly pc: number;
  /** 1-based. */
  readonly line: number;
  /** The instruction's text, without a listing's columns, labels and comments. */
  readonly text: string;
}

/** A function of the program: its start, or what it calls by label. */
export interface AssemblyFunction {
  readonly name: string;
  readonly pc: number;
}

export interface Assembly {
  /** 8-byte slots. lddw of a map has source register 1 and the map's index in imm; of a map's value 2, and the offset in next_imm. */
  readonly code: Uint8Array;
  /** By pc. The first one is the start, named by its label, else `main`. */
  readonly functions: readonly AssemblyFunction[];
  /** One for each instruction, by pc. */
  readonly lines: readonly AssemblyLine[];
}

/** An instruction whose names are not yet numbers, with its place. */
interface PlacedDraft extends AssemblyLine {
  readonly draft: Draft;
}

/** How one dialect reads. */
export interface Dialect {
  /** Reads one instruction and nothing after it; throws AssemblyError with what was expected. */
  readonly parseStatement: (cursor: Cursor, columns: ListingColumns | undefined) => Draft;
  /** The columns before a line's instruction. */
  readonly readColumns: (source: string) => ListingColumns | undefined;
  /** A label that a line of a listing's own kind defines. */
  readonly readSymbolLine: (source: string) => string | undefined;
  /** Whether the line says nothing of the program. */
  readonly isHeading: (source: string) => boolean;
  /** Slots that a jump may name although no label stands there. */
  readonly impliedLabels: (drafts: readonly PlacedDraft[]) => ReadonlyMap<string, number>;
}

/** Name of the start where no label gives one. */
const DEFAULT_FUNCTION = 'main';

/** @throws AssemblyError with line and column, for the first thing that cannot be read; names are looked up after all lines are read */
export function assembleProgram(text: string, names: AssemblyNames, dialect: Dialect): Assembly {
  if (text.length > MAX_ASSEMBLY_BYTES || new TextEncoder().encode(text).length > MAX_ASSEMBLY_BYTES) {
    throw new AssemblyError(1, 1, `the text is longer than ${MAX_ASSEMBLY_BYTES} bytes`);
  }
  const { drafts, labels } = read(text, dialect);
  const scope = { labels: new Map([...dialect.impliedLabels(drafts), ...labels]), names };
  const linked = drafts.map(({ draft, pc }) => link(draft, pc, scope));
  const called = linked.flatMap(({ calls }) => (calls === undefined ? [] : [calls]));
  return {
    code: encode(linked.map(({ instruction }) => instruction)),
    functions: functionsOf(labels, new Set(called)),
    lines: drafts.map(({ pc, line, text: statement }) => ({ pc, line, text: statement })),
  };
}

interface Source {
  readonly drafts: readonly PlacedDraft[];
  readonly labels: ReadonlyMap<string, number>;
}

/** Reads all lines; the names in them stay names. */
function read(text: string, dialect: Dialect): Source {
  const drafts: PlacedDraft[] = [];
  const labels = new Map<string, number>();
  const sources = text.split('\n');
  let pc = 0;

  const addLabel = (name: string, line: number, column: number): void => {
    if (labels.has(name)) throw new AssemblyError(line, column, `the label '${name}' is defined twice`);
    labels.set(name, pc);
  };

  for (const [index, source] of sources.entries()) {
    const line = index + 1;
    const symbol = dialect.readSymbolLine(source);
    if (symbol !== undefined) addLabel(symbol, line, source.indexOf(symbol) + 1);
    if (symbol !== undefined || dialect.isHeading(source)) continue;
    const columns = dialect.readColumns(source);
    const cursor = new Cursor(tokenize(source, line, columns?.end), line);
    for (;;) {
      const label = acceptLabel(cursor);
      if (label !== undefined) {
        addLabel(label.text, line, label.column);
        continue;
      }
      if (cursor.accept(';')) continue;
      if (cursor.atEnd()) break;
      const start = cursor.peek().column - 1;
      const draft = dialect.parseStatement(cursor, columns);
      drafts.push({ draft, pc, line, text: source.slice(start, cursor.peek().column - 1).trim() });
      pc += draft.nextImm === undefined ? 1 : 2;
    }
  }
  if (drafts.length === 0) {
    throw new AssemblyError(
      sources.length,
      (sources.at(-1)?.length ?? 0) + 1,
      'expected an instruction, found the end of the text',
    );
  }
  return { drafts, labels };
}

function acceptLabel(cursor: Cursor): ReturnType<Cursor['take']> | undefined {
  const token = cursor.peek();
  if (token.kind !== 'name' || !cursor.is(':', 1)) return undefined;
  if (registerOf(token) !== undefined) throw cursor.error(token, `the register ${token.text} cannot be a label`);
  cursor.take();
  cursor.take();
  return token;
}

function functionsOf(labels: ReadonlyMap<string, number>, called: ReadonlySet<string>): AssemblyFunction[] {
  const all = [...labels].map(([name, pc]) => ({ name, pc }));
  const start = all.find(({ pc }) => pc === 0) ?? { name: DEFAULT_FUNCTION, pc: 0 };
  const others = all.filter(({ name, pc }) => pc !== 0 && called.has(name));
  return [start, ...others];
}
