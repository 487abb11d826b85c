/**
 * The smallest BTF (type information) that lets the kernel check a program's functions: one FUNC for each. A global function takes
 * the context, since the kernel looks at it on its own; a static one is `f(void)`, whatever it is called with.
 */

import type { FunctionSpec, ReturnKind } from '../../../src/spec/object.ts';

const HEADER_BYTES = 24;
const KIND = { INT: 1, PTR: 2, STRUCT: 4, FUNC: 12, FUNC_PROTO: 13 } as const;
/** Type ids of the fixed types that stand first. */
const INT_TYPE = 1;
const POINTER_TYPE = 2;
const STRUCT_TYPE = 3;
const CONTEXT_POINTER_TYPE = 4;
const RETURN_TYPE: Readonly<Record<ReturnKind, number>> = {
  int: INT_TYPE,
  void: 0,
  pointer: POINTER_TYPE,
  other: STRUCT_TYPE,
};

export interface FunctionBtf {
  readonly btf: Uint8Array;
  /** struct bpf_func_info: {insn_off, type_id} for each function. */
  readonly functionInfo: Uint8Array;
}

/**
 * BTF and func_info of a program's functions; a function without a known return type gets `int`.
 * @param context name of the struct that the program type's context is
 */
export function buildFunctionBtf(
  functions: readonly Pick<FunctionSpec, 'pc' | 'linkage' | 'returns'>[],
  context: string,
): FunctionBtf {
  const strings: string[] = ['', 'int', context, 'ctx'];
  const words: number[] = [];
  const nameAt = (name: string) => {
    const before = strings.slice(0, strings.indexOf(name));
    return before.reduce((sum, text) => sum + text.length + 1, 0);
  };
  const type = (name: string, kind: number, countOrLinkage: number, sizeOrType: number) =>
    words.push(nameAt(name), ((kind << 24) | countOrLinkage) >>> 0, sizeOrType);

  type('int', KIND.INT, 0, 4);
  words.push(0x0100_0020); // signed, 32 bits
  type('', KIND.PTR, 0, INT_TYPE);
  type(context, KIND.STRUCT, 0, 4);
  type('', KIND.PTR, 0, STRUCT_TYPE);
  let nextType = 5;
  const info: number[] = [];
  for (const [index, row] of functions.entries()) {
    strings.push(`f${index}`);
    const parameters = row.linkage === 'global' && index > 0 ? 1 : 0;
    type('', KIND.FUNC_PROTO, parameters, RETURN_TYPE[row.returns ?? 'int']);
    if (parameters === 1) words.push(nameAt('ctx'), CONTEXT_POINTER_TYPE);
    type(`f${index}`, KIND.FUNC, row.linkage === 'global' || index === 0 ? 1 : 0, nextType);
    info.push(row.pc, nextType + 1);
    nextType += 2;
  }

  const text = new TextEncoder().encode(`${strings.join('\0')}\0`);
  const typeBytes = 4 * words.length;
  const btf = new Uint8Array(HEADER_BYTES + typeBytes + text.length);
  const view = new DataView(btf.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  const header = [HEADER_BYTES, 0, typeBytes, typeBytes, text.length];
  for (const [index, word] of header.entries()) view.setUint32(4 + 4 * index, word, true);
  for (const [index, word] of words.entries()) view.setUint32(HEADER_BYTES + 4 * index, word, true);
  btf.set(text, HEADER_BYTES + typeBytes);

  const functionInfo = new Uint8Array(4 * info.length);
  const infoView = new DataView(functionInfo.buffer);
  for (const [index, word] of info.entries()) infoView.setUint32(4 * index, word, true);
  return { btf, functionInfo };
}
