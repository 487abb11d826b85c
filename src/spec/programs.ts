/** Program types (BPF_PROG_TYPE_*), one row each: what Waggle knows of them. `raw` is Waggle's own: the convention of uBPF and rbpf. */

interface ProgramTypeRow {
  /** BPF_PROG_TYPE_* of uapi/linux/bpf.h; 0 for raw, which Linux does not have. */
  readonly number: number;
  /** Can Waggle run it today? */
  readonly implemented: boolean;
}

export const PROGRAM_TYPES = {
  raw: { number: 0, implemented: true },
  socket_filter: { number: 1, implemented: true },
  sched_cls: { number: 3, implemented: true },
  xdp: { number: 6, implemented: true },
  raw_tracepoint: { number: 17, implemented: true },
} as const satisfies Record<string, ProgramTypeRow>;

export type ProgramType = keyof typeof PROGRAM_TYPES;
