/** How much room sandboxes take: how many each tenant has, and how many bytes all of them together. */

import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';

/** A tenant may take so many times what is free: alone seven eighths of all, so that whoever comes next still finds room. */
export const MOST_OF_FREE = 7;

interface Taken {
  readonly count: number;
  bytes: number;
}

export class Room {
  readonly #limits: Pick<Limits, 'maxSandboxes' | 'maxSandboxesBytes'>;
  readonly #taken = new Map<string, Taken>();

  constructor(limits: Pick<Limits, 'maxSandboxes' | 'maxSandboxesBytes'>) {
    this.#limits = limits;
  }

  enter(tenant: string, bytes: number): void {
    const taken = this.#taken.get(tenant) ?? { count: 0, bytes: 0 };
    this.#taken.set(tenant, { count: taken.count + 1, bytes: taken.bytes + bytes });
  }

  leave(tenant: string, bytes: number): void {
    const taken = this.#taken.get(tenant);
    if (taken === undefined || taken.count <= 1) this.#taken.delete(tenant);
    else this.#taken.set(tenant, { count: taken.count - 1, bytes: taken.bytes - bytes });
  }

  /** Sandboxes grow by programs that are added: what those of each tenant take now. */
  recount(bytes: ReadonlyMap<string, number>): void {
    for (const [tenant, taken] of this.#taken) taken.bytes = bytes.get(tenant) ?? 0;
  }

  /** Why the tenant may not have one more; null: it may. */
  refusal(tenant: string): Problem | null {
    const { maxSandboxes, maxSandboxesBytes } = this.#limits;
    const own = this.#taken.get(tenant) ?? { count: 0, bytes: 0 };
    if (own.count >= maxSandboxes) {
      const detail = `There are ${own.count} sandboxes of yours, maxSandboxes is ${maxSandboxes}; delete one, or wait until one expires.`;
      return { code: 'too_many_sandboxes', detail, limit: 'maxSandboxes' };
    }
    let free = maxSandboxesBytes;
    for (const { bytes } of this.#taken.values()) free -= bytes;
    if (own.bytes < MOST_OF_FREE * free) return null;
    const detail =
      free > 0
        ? `Your sandboxes take ${own.bytes} bytes; what is free is left to others (limit maxSandboxesBytes). Delete one, or wait until one expires.`
        : `All sandboxes of this server take ${maxSandboxesBytes} bytes or more (limit maxSandboxesBytes); try again when some have expired.`;
    return { code: 'too_many_sandboxes', detail, limit: 'maxSandboxesBytes' };
  }
}
