/** The tables as kysely sees them. Their SQL stands in sqlite-migrations.ts, with what each column is. */

import type { Generated } from 'kysely';

export interface Tables {
  readonly programs: {
    readonly tenant: string;
    readonly id: string;
    readonly form: Uint8Array;
    readonly facts: string;
    readonly stored_at: number;
    readonly size: number;
  };
  readonly runs: {
    readonly sequence: Generated<number>;
    readonly id: string;
    readonly tenant: string;
    readonly kind: 'run' | 'batch';
    readonly bucket: string;
    readonly request: Uint8Array;
    readonly accepted_at: number;
    readonly starts: number;
    readonly result: Uint8Array | null;
    readonly replay: Uint8Array | null;
    readonly finished_at: number | null;
    readonly expires_at: number | null;
    readonly size: number;
  };
  readonly claims: {
    readonly tenant: string;
    readonly key: string;
    readonly request_key: string;
    readonly run_id: string;
    readonly expires_at: number;
  };
  readonly sandboxes: {
    readonly id: string;
    readonly tenant: string;
    readonly kind: 'sandbox' | 'snapshot';
    readonly facts: string;
    readonly snapshot: Uint8Array;
    readonly expires_at: number;
  };
  readonly shares: {
    readonly id: string;
    readonly tenant: string;
    readonly body: Uint8Array;
    readonly delete_token_hash: string;
    readonly created_at: number;
    readonly expires_at: number;
    readonly size: number;
  };
  readonly usage: { readonly tenant: string; readonly items: number; readonly bytes: number };
  readonly blob_uses: { readonly owner: string; readonly hash: string };
}
