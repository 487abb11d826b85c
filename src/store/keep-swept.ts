/** Sweeps a store now and then. */

import type { Store } from './store.ts';

/** Time between two sweeps. What has expired is not seen meanwhile; it only takes room. */
export const SWEEP_INTERVAL_MS = 60_000;

/** Begins to sweep; the answer ends it. A sweep that fails is told, and the next one tries again. */
export function keepSwept(store: Pick<Store, 'sweep'>, onFailure: (error: unknown) => void): () => void {
  const timer = setInterval(() => void store.sweep().catch(onFailure), SWEEP_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
