/** Names that the disassembler prints for helpers and maps. */

import type { DisassemblyNames } from '../isa/disassemble.ts';
import { HELPERS } from '../spec/helpers.ts';
import type { MapSpec } from '../spec/object.ts';

export function disassemblyNames(maps: readonly Pick<MapSpec, 'name'>[]): DisassemblyNames {
  return {
    helper: (id) => (HELPERS[id] === undefined || id === 0 ? undefined : `bpf_${HELPERS[id].name}`),
    map: (index) => maps[index]?.name,
  };
}
