/** Requests to try: they stand in the OpenAPI document, in the text at the start, and in the tests. */

import type { ProgramUpload } from '../contract/program.ts';
import type { RunBody } from '../contract/run.ts';
import type { SandboxBody, SandboxRunBody } from '../contract/sandbox.ts';

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

/** A sandbox whose entry leads to the program in slot 0, and one that can be put there instead. */
export const SANDBOX_EXAMPLE = {
  programs: [
    { name: 'entry', type: 'xdp', asm: 'r2 = chain ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit' },
    { name: 'pass', type: 'xdp', asm: 'r0 = 2\nexit' },
    { name: 'drop', type: 'xdp', asm: 'r0 = 1\nexit' },
  ],
  maps: [
    { name: 'chain', type: 'prog_array', maxEntries: 4, slots: { '0': 'pass' } },
    { name: 'hits', type: 'array', keySize: 4, valueSize: 8, maxEntries: 2 },
  ],
  ttl: 600,
} satisfies SandboxBody;

export const SANDBOX_RUN_EXAMPLE = {
  entry: 'entry',
  input: { packet: { hex: '00'.repeat(64) } },
} satisfies SandboxRunBody;

export const SANDBOX_PROGRAM_EXAMPLE = { name: 'late', type: 'xdp', asm: 'r0 = 3\nexit' };

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
