/** Requests to try: they stand in the OpenAPI document, in the text at the start, and in the tests. */

import type { ProgramUpload } from '../contract/program.ts';
import type { RunBody } from '../contract/run.ts';

export interface Example {
  readonly title: string;
  readonly body: RunBody;
}

export const EXAMPLES: readonly [Example, ...Example[]] = [
  {
    title: 'One hop: entry tail-calls next, which lets the packet pass',
    body: {
      programs: [
        { name: 'entry', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit' },
        { name: 'next', type: 'xdp', asm: 'r0 = 2\nexit' },
      ],
      maps: [{ name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'next' } }],
      entry: 'entry',
      input: { packet: { hex: '00'.repeat(64) } },
    },
  },
  {
    title: "Linux's limit: a program that calls itself makes 33 hops, then the call falls through",
    body: {
      programs: [{ name: 'again', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 2\nexit' }],
      maps: [{ name: 'chain', type: 'prog_array', maxEntries: 1, slots: { '0': 'again' } }],
      entry: 'again',
      input: { packet: { hex: '00'.repeat(64) } },
    },
  },
];

/** Bodies of POST /v1/programs. */
export const PROGRAM_EXAMPLES: readonly [ProgramUpload, ...ProgramUpload[]] = [
  {
    name: 'entry',
    type: 'xdp',
    asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit',
    maps: [{ name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'next' } }],
  },
  { name: 'next', type: 'xdp', insns: { hex: 'b7000000020000009500000000000000' } },
];

/** A shell command that posts the first example to a server. */
export function curlToTry(url: string): string {
  return `curl -s ${url}/v1/runs -H 'content-type: application/json' -d '${JSON.stringify(EXAMPLES[0].body)}'`;
}
