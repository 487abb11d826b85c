/** Ajv's errors as one problem with pointers. */

import type { Problem } from '../contract/problem.ts';

/** The part of an Ajv error that is read here. */
export interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Guest text that a detail may quote, in characters. */
const MAX_QUOTED = 64;

/** A problem `schema_violation` for the errors of one value. */
export function schemaViolation(violations: readonly SchemaError[]): Problem {
  const errors = violations.map((violation) => ({ pointer: pointerOf(violation), detail: detailOf(violation) }));
  const detail = errors
    .map((error) => `${error.pointer === '' ? 'the body' : error.pointer}: ${error.detail}`)
    .join('; ');
  return { code: 'schema_violation', detail, errors };
}

/** A field name as a reference token of a JSON pointer (RFC 6901 §3), cut to a readable length. */
function token(name: unknown): string {
  const text = String(name);
  const cut = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return cut.replaceAll('~', '~0').replaceAll('/', '~1');
}

function pointerOf({ instancePath, keyword, params }: SchemaError): string {
  if (keyword === 'required') return `${instancePath}/${token(params.missingProperty)}`;
  if (keyword === 'additionalProperties') return `${instancePath}/${token(params.additionalProperty)}`;
  return instancePath;
}

function detailOf({ keyword, message, params }: SchemaError): string {
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a field that is known here';
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`;
    default:
      return message ?? 'does not fit the schema';
  }
}
