/**
 * What one bucket may ask for in a minute: requests, counted when they come, and instructions, counted when they have been executed. The
 * header fields are those of draft-ietf-httpapi-ratelimit-headers-10.
 */

import { type Limits, RATE_POLICIES as POLICIES, type RatePolicy as Policy } from '../contract/limits.ts';
import type { Problem } from '../contract/problem.ts';
import { Quota, WINDOW_SECONDS } from './quota.ts';

/** Buckets that are remembered; the least recently used is forgotten, and starts again with full quotas. */
export const MAX_BUCKETS = 16_384;

/** The draft's registry of quota units knows no instructions, hence a parameter of our own. */
const POLICY_PARAMETERS: Readonly<Record<Policy, string>> = {
  requests: '',
  instructions: ';waggle-unit="instructions"',
};

type Bucket = { readonly [policy in Policy]: Quota | null };

/** What a request costs: one that executes nothing is served to somebody who owes instructions. */
export type RequestKind = 'read' | 'work';

export interface Admission {
  /** Header fields by name; empty when there is no policy. */
  readonly headers: Readonly<Record<string, string>>;
  readonly refusal: { readonly policy: Policy; readonly problem: Problem } | null;
}

export class Quotas {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #policies: readonly Policy[];
  readonly #policyHeader: string;
  /** In the order of use. */
  readonly #buckets = new Map<string, Bucket>();

  /** @param now milliseconds, of a clock that never goes back */
  constructor(limits: Limits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#policies = (Object.keys(POLICIES) as Policy[]).filter((policy) => limits[POLICIES[policy]] > 0);
    this.#policyHeader = this.#policies
      .map((policy) => `"${policy}";q=${limits[POLICIES[policy]]};w=${WINDOW_SECONDS}${POLICY_PARAMETERS[policy]}`)
      .join(', ');
  }

  /** Buckets that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts a request, or says why it must wait. A refused request is not counted. */
  admit(name: string, kind: RequestKind): Admission {
    if (this.#policies.length === 0) return { headers: {}, refusal: null };
    const now = this.#now();
    const bucket = this.#bucket(name, now);
    const { requests, instructions } = bucket;
    let policy: Policy | null = null;
    if (requests !== null && !requests.has(1, now)) policy = 'requests';
    else if (kind === 'work' && instructions !== null && !instructions.has(1, now)) policy = 'instructions';
    if (policy === null) requests?.spend(1, now);
    const headers = { 'ratelimit-policy': this.#policyHeader, ratelimit: this.#standing(bucket, now) };
    const refusal = policy === null ? null : { policy, problem: this.#problem(policy, bucket[policy]!, now) };
    return { headers, refusal };
  }

  /** Counts what was executed for a bucket. */
  charge(name: string, instructions: number): void {
    if (this.#limits.maxInstructionsPerMinute === 0 || instructions === 0) return;
    const now = this.#now();
    this.#bucket(name, now).instructions?.spend(instructions, now);
  }

  #bucket(name: string, now: number): Bucket {
    const known = this.#buckets.get(name);
    const bucket = known ?? { requests: this.#quota('requests', now), instructions: this.#quota('instructions', now) };
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket;
  }

  #quota(policy: Policy, now: number): Quota | null {
    const size = this.#limits[POLICIES[policy]];
    return size === 0 ? null : new Quota(size, now);
  }

  /** `r`: what is left; `t`: seconds until all of it is there again, or, when nothing is left, until there is something. */
  #standing(bucket: Bucket, now: number): string {
    return this.#policies
      .map((policy) => {
        const quota = bucket[policy]!;
        const left = quota.whole(now);
        const wanted = left === 0 ? 1 : this.#limits[POLICIES[policy]];
        return `"${policy}";r=${left};t=${quota.secondsUntil(wanted, now)}`;
      })
      .join(', ');
  }

  #problem(policy: Policy, quota: Quota, now: number): Problem {
    const limit = POLICIES[policy];
    const size = this.#limits[limit];
    const retryAfterSeconds = quota.secondsUntil(1, now);
    const owed = Math.max(0, Math.ceil(-quota.left(now)));
    const detail =
      policy === 'requests'
        ? `This client may send ${size} requests a minute (limit ${limit}); ask again in ${retryAfterSeconds} s.`
        : `This client may have ${size} instructions executed a minute (limit ${limit}) and owes ${owed}; ` +
          `what executes nothing is still answered, the rest again in ${retryAfterSeconds} s.`;
    return { code: 'rate_limited', detail, limit, retryAfterSeconds };
  }
}
