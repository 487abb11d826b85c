/** Stored programs that a thread has read before, least recently used out first: a run by hash neither parses nor hashes what is known. */

import { SLOT_BYTES } from '../isa/instruction.ts';
import { LOAD_SOURCE, OPCODE } from '../isa/opcodes.ts';
import type { ProgramSpec } from '../spec/object.ts';
import { ASSEMBLY_SUFFIX, decodeProgram, type StoredProgram } from './stored-program.ts';

/** Stored programs that one thread keeps. */
const MAX_FORMS = 512;
/** Bytes of their forms together; read, a form takes two to four times as much. */
const MAX_FORM_BYTES = 32 * 1024 * 1024;
/** Ways in which one stored program is linked (a name, and the numbers of its maps) that are kept. */
const MAX_LINKED = 8;

/** A stored program that has been read. */
export class ReadForm {
  readonly stored: StoredProgram;
  readonly bytes: number;
  readonly #linked = new Map<string, ProgramSpec>();

  constructor(form: Uint8Array) {
    this.stored = decodeProgram(form);
    this.bytes = form.length;
  }

  /**
   * The program under a name of its own, with the numbers of a run's maps in its code. The same linking gives the same value again, so that
   * what is known of its code is found by it.
   * @param maps for each map of the program its number in the run
   */
  link(name: string, maps: readonly number[]): ProgramSpec {
    const key = `${maps.join()} ${name}`;
    const known = this.#linked.get(key);
    if (known !== undefined) return known;
    const { program } = this.stored;
    const linked = {
      ...program,
      name,
      code: maps.every((number, index) => number === index) ? program.code : relinked(program.code, maps),
      functions: program.functions.map((one) => (one.pc === 0 ? { ...one, name } : one)),
      lines: program.lines.map((line) =>
        line.file === ASSEMBLY_SUFFIX ? { ...line, file: name + ASSEMBLY_SUFFIX } : line,
      ),
    };
    if (this.#linked.size >= MAX_LINKED) this.#linked.delete(this.#linked.keys().next().value!);
    this.#linked.set(key, linked);
    return linked;
  }
}

function relinked(code: Uint8Array, maps: readonly number[]): Uint8Array {
  const copy = code.slice();
  const view = new DataView(copy.buffer);
  for (const { at, map } of mapReferences(code)) view.setInt32(at + 4, maps[map]!, true);
  return copy;
}

/** Where the code refers to a map, and to which one. @param code whole instructions */
export function* mapReferences(code: Uint8Array): Generator<{ readonly at: number; readonly map: number }> {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (let at = 0; at < code.length; at += SLOT_BYTES) {
    if (view.getUint8(at) !== OPCODE.LOAD_IMM64) continue;
    const source = view.getUint8(at + 1) >> 4;
    if (source === LOAD_SOURCE.MAP || source === LOAD_SOURCE.MAP_VALUE) yield { at, map: view.getInt32(at + 4, true) };
    at += SLOT_BYTES;
  }
}

export class StoredForms {
  readonly #forms = new Map<string, ReadForm>();
  #bytes = 0;

  /** The program of a form. What one tenant has brought is read again for another: how long it takes tells nothing. */
  get(tenant: string, id: string, form: Uint8Array): ReadForm {
    // An id has one length, so that no tenant's name can run into it.
    const key = id + tenant;
    const known = this.#forms.get(key);
    if (known !== undefined) {
      this.#forms.delete(key);
      this.#forms.set(key, known);
      return known;
    }
    const read = new ReadForm(form);
    this.#forms.set(key, read);
    this.#bytes += read.bytes;
    this.#shrink();
    return read;
  }

  /** The one that was asked for last stays, whatever its size. */
  #shrink(): void {
    for (const [key, { bytes }] of this.#forms) {
      const full = this.#forms.size > MAX_FORMS || this.#bytes > MAX_FORM_BYTES;
      if (!full || this.#forms.size === 1) return;
      this.#forms.delete(key);
      this.#bytes -= bytes;
    }
  }
}
