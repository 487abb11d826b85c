/** Puts bytes of .BTF and .BTF.ext together, for tests. */

/** Little-endian 32-bit words. */
export function words(...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value >>> 0, true);
  return new Uint8Array(view.buffer);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Strings and where each begins; the empty one is 0. */
export class Strings {
  #bytes = Buffer.from([0]);

  add(text: string): number {
    if (text === '') return 0;
    const offset = this.#bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(`${text}\0`)]);
    return offset;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#bytes);
  }
}

/** One type: its common three words and what follows. */
export function type(kind: number, vlen: number, sizeOrType: number, rest: readonly number[] = [], name = 0, flag = 0) {
  return words(name, ((flag << 31) | (kind << 24) | vlen) >>> 0, sizeOrType, ...rest);
}

/** A whole .BTF section. */
export function btfSection(types: readonly Uint8Array[], strings: Uint8Array = new Uint8Array(1)): Uint8Array {
  const body = concat(...types);
  return concat(words(0x0001_eb9f, 24, 0, body.length, body.length, strings.length), body, strings);
}

/** A whole .BTF.ext section of three parts. */
export function extSection(functions: Uint8Array, lines: Uint8Array, core: Uint8Array = new Uint8Array(0)): Uint8Array {
  const header = words(
    0x0001_eb9f,
    32,
    0,
    functions.length,
    functions.length,
    lines.length,
    functions.length + lines.length,
    core.length,
  );
  return concat(header, functions, lines, core);
}
