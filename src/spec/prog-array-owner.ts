/** Which programs may stand in one prog array (kernel: __bpf_prog_map_compatible). */

import type { ProgramSpec } from './object.ts';

/** What of a program counts. */
export type OwnedProgram = Pick<ProgramSpec, 'attachType' | 'flags'> & { readonly type: string };

/** What a prog array remembers of the first program that was stored in it or loaded with a reference to it; it stays bound for good. */
export interface ProgArrayOwner {
  readonly type: string;
  readonly attachType: string | null;
  readonly xdpHasFrags: boolean;
}

/** The owner that a program makes of a prog array that has none yet. */
export function progArrayOwner(program: OwnedProgram): ProgArrayOwner {
  return {
    type: program.type,
    attachType: program.attachType,
    xdpHasFrags: program.flags.includes('xdp_has_frags'),
  };
}

/**
 * May the program be stored in, or loaded with a reference to, a prog array with this owner? False is EINVAL on Linux, with an empty log.
 * License, name, BTF, subprograms and stack do not matter.
 */
export function progArrayCompatible(owner: ProgArrayOwner, program: OwnedProgram): boolean {
  const other = progArrayOwner(program);
  return owner.type === other.type && owner.attachType === other.attachType && owner.xdpHasFrags === other.xdpHasFrags;
}
