/** The rules of the level `structure`, one row each. The name is a metrics label and a stable part of the API. */

import type { ErrnoName } from '../spec/errno.ts';

interface RuleRow {
  readonly errno: ErrnoName;
  /** Where Linux checks it. */
  readonly kernel: string;
}

/** In the order in which Linux comes to them. */
export const RULES = {
  program_size: { errno: 'E2BIG', kernel: 'bpf_prog_load' },
  call_target: { errno: 'EINVAL', kernel: 'add_subprog' },
  jump_range: { errno: 'EINVAL', kernel: 'check_subprogs' },
  last_instruction: { errno: 'EINVAL', kernel: 'check_subprogs' },
  function_return: { errno: 'EINVAL', kernel: 'check_abnormal_return, check_btf_func' },
  callback_tail_call: { errno: 'EINVAL', kernel: 'none: kernels differ, some loop for ever' },
  load_imm64: { errno: 'EINVAL', kernel: 'resolve_pseudo_ldimm64' },
  map_reference: { errno: 'EBADF', kernel: 'resolve_pseudo_ldimm64' },
  map_count: { errno: 'E2BIG', kernel: 'add_used_map' },
  map_value_address: { errno: 'EINVAL', kernel: 'resolve_pseudo_ldimm64' },
  map_value_entries: { errno: 'ENOTSUPP', kernel: 'array_map_direct_value_addr' },
  sleepable_map: { errno: 'EINVAL', kernel: 'check_map_prog_compatibility' },
  opcode: { errno: 'EINVAL', kernel: 'bpf_opcode_in_insntable' },
  unreachable: { errno: 'EINVAL', kernel: 'check_cfg' },
  jump_into_load_imm64: { errno: 'EINVAL', kernel: 'check_cfg' },
  sleepable_type: { errno: 'EINVAL', kernel: 'check_attach_btf_id' },
  reserved_fields: { errno: 'EINVAL', kernel: 'do_check' },
  register: { errno: 'EINVAL', kernel: 'check_reg_arg' },
  frame_pointer: { errno: 'EACCES', kernel: 'check_reg_arg' },
  division: { errno: 'EINVAL', kernel: 'check_alu_op' },
  shift: { errno: 'EINVAL', kernel: 'check_alu_op' },
  arena: { errno: 'EINVAL', kernel: 'check_alu_op' },
  atomic: { errno: 'EINVAL', kernel: 'check_atomic' },
  packet_load: { errno: 'EINVAL', kernel: 'check_ld_abs' },
  packet_load_context: { errno: 'EINVAL', kernel: 'check_ld_abs' },
  stack_access: { errno: 'EACCES', kernel: 'check_stack_access_within_bounds' },
  helper: { errno: 'EINVAL', kernel: 'check_helper_call' },
  helper_license: { errno: 'EINVAL', kernel: 'check_helper_call' },
  helper_argument: { errno: 'EACCES', kernel: 'check_reg_type' },
  tail_call_map: { errno: 'EINVAL', kernel: 'check_map_func_compatibility' },
  call_depth: { errno: 'E2BIG', kernel: 'setup_func_entry, check_max_stack_depth' },
  tail_call_stack: { errno: 'EACCES', kernel: 'check_max_stack_depth' },
  stack_size: { errno: 'EACCES', kernel: 'check_max_stack_depth' },
  unsupported: { errno: 'EOPNOTSUPP', kernel: 'none: Linux has what Waggle does not have yet' },
} as const satisfies Record<string, RuleRow>;

export type RuleName = keyof typeof RULES;

/** A rule that was broken. */
export interface Refusal {
  readonly rule: RuleName;
  /** Slot, or null for the whole program. */
  readonly pc: number | null;
  readonly message: string;
  /** Name of the missing feature (rule `unsupported`). */
  readonly unsupported?: string;
}

/** A refusal of what Linux has and Waggle does not. */
export function unsupported(pc: number, feature: string): Refusal {
  return {
    rule: 'unsupported',
    pc,
    message: `insn ${pc}: ${feature} is not implemented by this version of Waggle`,
    unsupported: feature,
  };
}
