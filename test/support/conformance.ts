/** The data files of bpf_conformance: one program, its memory and its result each. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of the `.data` files; the suite is skipped without it. */
export const CONFORMANCE_DIR = process.env.WAGGLE_CONFORMANCE_DIR;

export const NO_CONFORMANCE_DATA: string | false =
  CONFORMANCE_DIR === undefined || CONFORMANCE_DIR === ''
    ? 'skipped: WAGGLE_CONFORMANCE_DIR names no folder with the .data files of bpf_conformance'
    : false;

export interface ConformanceCase {
  readonly name: string;
  readonly assembly: string;
  /** r1 points at it, r2 holds its length. */
  readonly memory: Uint8Array;
  /** Little-endian slots that the assembly must become, where the file has them. */
  readonly raw: Uint8Array | undefined;
  readonly result: bigint;
}

/** Lines of each section (`-- name` opens one); comments are left in the assembly, which has its own. */
function sectionsOf(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const heading = /^-- (.*?)\s*$/.exec(line)?.[1];
    if (heading === undefined) {
      current.push(line);
    } else {
      current = [];
      sections.set(heading, current);
    }
  }
  return sections;
}

function withoutComments(lines: readonly string[]): string {
  return lines.map((line) => line.replace(/#.*/, '')).join(' ');
}

function rawBytes(lines: readonly string[]): Uint8Array {
  const words = withoutComments(lines).match(/0x[0-9a-f]+/gi) ?? [];
  return new Uint8Array(BigUint64Array.from(words, (word) => BigInt(word)).buffer);
}

export function readCase(name: string, text: string): ConformanceCase {
  const sections = sectionsOf(text);
  const assembly = sections.get('asm');
  const result = withoutComments(sections.get('result') ?? []).trim();
  if (assembly === undefined || result === '') throw new Error(`${name}: no asm or no result`);
  const raw = sections.get('raw');
  return {
    name,
    assembly: assembly.join('\n'),
    memory: Uint8Array.from(withoutComments(sections.get('mem') ?? []).match(/[0-9a-f]{2}/gi) ?? [], (byte) =>
      Number.parseInt(byte, 16),
    ),
    raw: raw === undefined ? undefined : rawBytes(raw),
    result: BigInt(result),
  };
}

/** All cases by name. */
export function readCases(folder: string): ConformanceCase[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.data'));
  return files.sort().map((file) => readCase(file.slice(0, -'.data'.length), readFileSync(join(folder, file), 'utf8')));
}
