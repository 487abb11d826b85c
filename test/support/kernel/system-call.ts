/**
 * bpf(2) from Node: one system call through koffi, with its attribute block and buffers in memory of our own, whose addresses are known.
 *
 *   arena   +-----------+---------+---------+-----+
 *           | attribute | buffer  | buffer  | ... |   each starts at a multiple of 8; all of it is reused by the next call
 *           +-----------+---------+---------+-----+
 */

import koffi from 'koffi';

/** System call numbers by architecture: bpf, sched_setaffinity, sched_getaffinity, close. */
const NUMBERS: Readonly<Record<string, { bpf: number; setAffinity: number; getAffinity: number; close: number }>> = {
  x64: { bpf: 321, setAffinity: 203, getAffinity: 204, close: 3 },
  arm64: { bpf: 280, setAffinity: 122, getAffinity: 123, close: 57 },
};

/** Bytes of the attribute block that we hand over; zero where a command is shorter (the kernel checks that). */
export const ATTRIBUTE_BYTES = 152;
/** All buffers of one call together. */
export const ARENA_BYTES = 48 * 1024 * 1024;
const AFFINITY_BYTES = 128;

export interface Buffer {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** The result of a call: what it returned, or the errno. */
export type CallResult = { readonly value: number; readonly errno: 0 } | { readonly value: -1; readonly errno: number };

/** An open way to bpf(2). Not re-entrant: the buffers of one call are gone with the next `begin`. */
export interface BpfSystemCall {
  /** Forget the buffers of the call before. Returns the attribute block, zeroed. */
  begin(): DataView;
  /** A buffer of the current call; `bytes` is copied into it, a number reserves so many (contents undefined). */
  buffer(bytes: Uint8Array | number): Buffer;
  /** bpf(command, attribute block). */
  call(command: number): CallResult;
  close(descriptor: number): void;
  /** Run `body` on one CPU, then let the thread go where it could before. */
  onCpu<T>(cpu: number, body: () => T): T;
}

/** @throws Error on an architecture without a row in NUMBERS, or without a C library to load */
export function openSystemCall(): BpfSystemCall {
  const numbers = NUMBERS[process.arch];
  if (process.platform !== 'linux' || numbers === undefined) {
    throw new Error(`no bpf(2) on ${process.platform} ${process.arch}`);
  }
  const library = koffi.load('libc.so.6');
  const bpf = library.func('long syscall(long number, long command, uintptr_t attribute, unsigned int size)');
  const plain = library.func('long syscall(long number, long first, unsigned long second, uintptr_t third)');
  const base: unknown = koffi.alloc('uint8_t', ARENA_BYTES);
  const address = koffi.address(base);
  const arena = koffi.view(base, ARENA_BYTES);
  let used = ATTRIBUTE_BYTES;

  function reserve(bytes: Uint8Array | number): Buffer {
    const length = typeof bytes === 'number' ? bytes : bytes.length;
    const start = used;
    used += Math.ceil(Math.max(length, 1) / 8) * 8;
    if (used > ARENA_BYTES) throw new RangeError(`the buffers of one call are over ${ARENA_BYTES} bytes`);
    const view = new Uint8Array(arena, start, length);
    if (typeof bytes !== 'number') view.set(bytes);
    return { address: address + BigInt(start), bytes: view };
  }

  function begin(): DataView {
    used = ATTRIBUTE_BYTES;
    new Uint8Array(arena, 0, ATTRIBUTE_BYTES).fill(0);
    return new DataView(arena, 0, ATTRIBUTE_BYTES);
  }

  return {
    begin,
    buffer: reserve,
    call(command) {
      const value = Number(bpf(numbers.bpf, command, address, ATTRIBUTE_BYTES));
      return value >= 0 ? { value, errno: 0 } : { value: -1, errno: koffi.errno() };
    },
    close(descriptor) {
      plain(numbers.close, descriptor, 0, 0n);
    },
    onCpu(cpu, body) {
      begin();
      const before = reserve(AFFINITY_BYTES);
      plain(numbers.getAffinity, 0, AFFINITY_BYTES, before.address);
      const mask = before.bytes.slice();
      const one = new Uint8Array(AFFINITY_BYTES);
      one[cpu >> 3] = 1 << (cpu & 7);
      plain(numbers.setAffinity, 0, AFFINITY_BYTES, reserve(one).address);
      try {
        return body();
      } finally {
        begin();
        plain(numbers.setAffinity, 0, AFFINITY_BYTES, reserve(mask).address);
      }
    },
  };
}
