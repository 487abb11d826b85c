/** How much room sandboxes take: how many each tenant has, and how many bytes all of them together. */

import type { Limits } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';

export class Room {
  readonly #limits: Pick<Limits, 'maxSandboxes' | 'maxSandboxesBytes'>;
  readonly #counts = new Map<string, number>();
  #bytes = 0;

  constructor(limits: Pick<Limits, 'maxSandboxes' | 'maxSandboxesBytes'>) {
    this.#limits = limits;
  }

  enter(tenant: string, bytes: number): void {
    this.#counts.set(tenant, (this.#counts.get(tenant) ?? 0) + 1);
    this.#bytes += bytes;
  }

  leave(tenant: string, bytes: number): void {
    const left = (this.#counts.get(tenant) ?? 0) - 1;
    if (left > 0) this.#counts.set(tenant, left);
    else this.#counts.delete(tenant);
    this.#bytes -= bytes;
  }

  /** Sandboxes grow by programs that are added: what all of them take now. */
  recount(bytes: number): void {
    this.#bytes = bytes;
  }

  /** Why the tenant may not have one more; null: it may. */
  refusal(tenant: string): Problem | null {
    const { maxSandboxes, maxSandboxesBytes } = this.#limits;
    const own = this.#counts.get(tenant) ?? 0;
    if (own >= maxSandboxes) {
      const detail = `There are ${own} sandboxes of yours, maxSandboxes is ${maxSandboxes}; delete one, or wait until one expires.`;
      return { code: 'too_many_sandboxes', detail, limit: 'maxSandboxes' };
    }
    if (this.#bytes < maxSandboxesBytes) return null;
    const detail = `All sandboxes of this server take ${maxSandboxesBytes} bytes or more (limit maxSandboxesBytes); try again when some have expired.`;
    return { code: 'too_many_sandboxes', detail, limit: 'maxSandboxesBytes' };
  }
}
