/**
 * What the crash test writes and reads: things of the store by kind and id, each in a state that is one short text. The content that goes
 * into the store is made of the state, and tells it when it is read: a torn or mixed content is the content of no state.
 */

import type { Store } from '../../src/store/store.ts';

export const KINDS = ['share', 'run', 'sandbox', 'program'] as const;
export type Kind = (typeof KINDS)[number];

/** One write: brings a thing to a state; null: deletes it. */
export interface Write {
  readonly kind: Kind;
  readonly id: string;
  readonly state: string | null;
}

/** A run that is accepted and not finished. */
export const OPEN = 'open';
export const TENANT = 'ann';
/** Nothing expires here. */
const NEVER = 8_000_000_000_000_000;

/** A state with a content of so many characters. */
export const stateOf = (seed: number, size: number): string => `${seed}:${size}`;

function contentOf(state: string): string {
  const size = Number(state.split(':')[1]);
  return `${state} `.repeat(1 + Math.ceil(size / (state.length + 1)));
}

function stateIn(content: string): string {
  const state = content.slice(0, content.indexOf(' '));
  if (!/^[0-9]+:[0-9]+$/.test(state) || content !== contentOf(state))
    throw new Error(`a torn content: ${content.slice(0, 40)}`);
  return state;
}

const bytesOf = (state: string): Uint8Array => Buffer.from(contentOf(state));
const stateInBytes = (bytes: Uint8Array): string => stateIn(Buffer.from(bytes).toString());

/** Does the write; resolves when the store has acknowledged it. */
export async function perform(store: Store, { kind, id, state }: Write): Promise<void> {
  const answer = await WRITERS[kind](store, id, state);
  if (answer !== true) throw new Error(`${kind} ${id} to ${state}: ${JSON.stringify(answer)}`);
}

const WRITERS: Readonly<Record<Kind, (store: Store, id: string, state: string | null) => Promise<unknown>>> = {
  share: async ({ shares }, id, state) => {
    if (state === null) return shares.delete(id);
    const times = { createdAt: 0, expiresAt: NEVER };
    const answer = await shares.put({ id, tenant: TENANT, body: contentOf(state), deleteTokenHash: 'hash', ...times });
    return answer.kind === 'stored' || answer;
  },
  run: async ({ runs }, id, state) => {
    if (state !== OPEN) {
      const ending = { result: contentOf(state!), replay: bytesOf(state!), finishedAt: 1, expiresAt: NEVER };
      return runs.finish(id, ending);
    }
    const run = { id, tenant: TENANT, kind: 'run', bucket: 'b', request: contentOf('0:300'), acceptedAt: 0 } as const;
    const answer = await runs.accept(run, { key: `key of ${id}`, requestKey: id, expiresAt: NEVER });
    return answer.kind === 'accepted' || answer;
  },
  sandbox: async ({ sandboxes }, id, state) => {
    if (state === null) return sandboxes.delete(TENANT, id);
    const facts = { tenant: TENANT, kind: 'sandbox', facts: state, expiresAt: NEVER } as const;
    await sandboxes.put({ id, ...facts, snapshot: bytesOf(state) });
    return true;
  },
  program: async ({ programs }, id, state) => {
    // Two tenants have each program, so that one blob has two owners of which one may leave.
    const [tenant = '', hash = ''] = id.split(' ');
    if (state === null) return programs.delete(tenant, hash);
    const answer = await programs.put({ tenant, id: hash, form: bytesOf(state), facts: state, storedAt: 0 });
    return answer.kind === 'new' || answer;
  },
};

/** The state that the thing is in; null: it is not there. Throws when its content is no state's. */
export async function observe(store: Store, kind: Kind, id: string): Promise<string | null> {
  switch (kind) {
    case 'share': {
      const share = await store.shares.get(id);
      return share === null ? null : stateIn(share.body);
    }
    case 'run': {
      const run = await store.runs.get(TENANT, id);
      if (run === null) return null;
      if (stateIn(run.request) !== '0:300') throw new Error('another request');
      if (run.ending === null) return OPEN;
      const state = stateIn(run.ending.result);
      if (stateInBytes(run.ending.replay!) !== state) throw new Error('a result with the replay of another');
      return state;
    }
    case 'sandbox': {
      const sandbox = await store.sandboxes.get(TENANT, id);
      if (sandbox === null) return null;
      if (stateInBytes(sandbox.snapshot) !== sandbox.facts) throw new Error('facts with the snapshot of another');
      return sandbox.facts;
    }
    case 'program': {
      const [tenant = '', hash = ''] = id.split(' ');
      const program = await store.programs.get(tenant, hash);
      if (program === null) return null;
      if (stateInBytes(program.form) !== program.facts) throw new Error('facts with the form of another');
      return program.facts;
    }
  }
}
