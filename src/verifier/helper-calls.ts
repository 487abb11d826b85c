/** Calls of helpers: does the helper exist, for this type, with this license, and is a tail call's map a prog array? */

import { HELPER } from '../spec/helper-numbers.ts';
import { helperAvailable } from '../spec/helper-types.ts';
import { HELPERS, helperLabel, isGplCompatible } from '../spec/helpers.ts';
import type { MapSpec } from '../spec/object.ts';
import type { ProgramType } from '../spec/programs.ts';
import { type Refusal, unsupported } from './rules.ts';
import type { Value } from './values.ts';

/** Is the helper there? (check_helper_call) `license` null: not looked at. */
export function checkHelper(id: number, pc: number, type: ProgramType, license: string | null): Refusal | null {
  const row = HELPERS[id];
  if (row === undefined) return { rule: 'helper', pc, message: `invalid func unknown#${id}` };
  if (!helperAvailable(type, id)) {
    return { rule: 'helper', pc, message: `program of this type cannot use helper ${helperLabel(id)}` };
  }
  if (row.gplOnly && license !== null && !isGplCompatible(license)) {
    const message = 'cannot call GPL-restricted function from non-GPL compatible program';
    return { rule: 'helper_license', pc, message };
  }
  return row.implemented ? null : unsupported(pc, `helper ${helperLabel(id)}`);
}

/** How Linux names a value in `R%d type=%s expected=%s` (reg_type_str). */
const TYPE_NAMES: Readonly<Record<Value['kind'], string>> = {
  constant: 'scalar',
  frame: 'fp',
  map: 'map_ptr',
  map_value: 'map_value',
  context: 'ctx',
};

/**
 * Arguments of bpf_tail_call, as far as the same basic block defines them: r1 is the context, r2 a prog array. What is not known here is
 * checked when the call runs.
 */
export function checkTailCallArguments(
  pc: number,
  context: Value | undefined,
  map: Value | undefined,
  maps: readonly MapSpec[],
): Refusal | null {
  const wrong = (register: number, found: Value, expected: string): Refusal => ({
    rule: 'helper_argument',
    pc,
    message: `R${register} type=${TYPE_NAMES[found.kind]} expected=${expected}`,
  });
  if (context !== undefined && context.kind !== 'context') return wrong(1, context, 'ctx');
  if (map === undefined) return null;
  if (map.kind !== 'map') return wrong(2, map, 'map_ptr');
  if (maps[map.index]?.type === 'prog_array') return null;
  return { rule: 'tail_call_map', pc, message: 'expected prog array map for tail call' };
}

/** r6 of LD_ABS and LD_IND is the context, as far as the same basic block says; Linux looks at it before the source register. */
export function checkPacketLoadContext(pc: number, context: Value | undefined): Refusal | null {
  if (context === undefined || context.kind === 'context') return null;
  return { rule: 'packet_load_context', pc, message: 'at the time of BPF_LD_ABS|IND R6 != pointer to skb' };
}

/** Stack offsets that a helper reads or writes: the lowest is part of the frame's depth. */
export function stackArguments(id: number, registers: readonly (Value | undefined)[]): number[] {
  const prototype = HELPERS[id]?.prototype;
  if (prototype === undefined || id === HELPER.tail_call) return [];
  const offsets: number[] = [];
  for (const [index, kind] of prototype.arguments.entries()) {
    const value = registers[index + 1];
    if (value?.kind === 'frame' && (kind === 'map_key' || kind === 'map_value' || kind === 'mem')) {
      offsets.push(value.offset);
    }
  }
  return offsets;
}
