/**
 * The verifier's rules as a closed label set. metrics/ may not import verifier/ (no API thread does), so the names stand here again; a
 * test holds the two lists equal.
 */

export const VERIFIER_RULES: readonly string[] = [
  'program_size',
  'call_target',
  'jump_range',
  'last_instruction',
  'function_return',
  'load_imm64',
  'map_reference',
  'map_count',
  'map_value_address',
  'map_value_entries',
  'opcode',
  'unreachable',
  'jump_into_load_imm64',
  'reserved_fields',
  'register',
  'frame_pointer',
  'division',
  'shift',
  'arena',
  'atomic',
  'packet_load',
  'stack_access',
  'helper',
  'helper_license',
  'helper_argument',
  'tail_call_map',
  'call_depth',
  'tail_call_stack',
  'stack_size',
  'unsupported',
];
