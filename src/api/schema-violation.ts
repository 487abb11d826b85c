/** Ajv's errors as one problem with pointers. */

import type { Problem } from '../contract/problem.ts';

/** The part of an Ajv error that is read here. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Guest text that a detail may quote, in characters. */
const MAX_QUOTED = 64;

/** A problem `schema_violation` for the errors of one value, which stands at the pointer `place`. */
export function schemaViolation(violations: readonly SchemaError[], place = ''): Problem {
  const errors = withoutForms(violations).map((violation) => ({
    pointer: place + pointerOf(violation),
    detail: detailOf(violation),
  }));
  const detail = errors
    .map((error) => `${error.pointer === '' ? 'the body' : error.pointer}: ${error.detail}`)
    .join('; ');
  return { code: 'schema_violation', detail, errors };
}

/** The problem of a value that stands at the pointer `place`. */
export function problemIn(place: string, problem: Problem): Problem {
  const { errors, detail } = problem;
  if (errors === undefined) return problem;
  const namesPlace = errors.some(({ pointer }) => detail.startsWith(`${pointer}: `));
  return {
    ...problem,
    detail: namesPlace ? place + detail : detail,
    errors: errors.map((error) => ({ ...error, pointer: place + error.pointer })),
  };
}

/**
 * Where a value may have several forms, Ajv tells what is wrong for each form and then `anyOf`. One of it is told: what is wrong inside the
 * form that the value has, the values that it may have, or the fields that tell the forms apart.
 */
function withoutForms(violations: readonly SchemaError[]): SchemaError[] {
  const union = violations.find(({ keyword }) => keyword === 'anyOf');
  if (union === undefined) return [...violations];
  const isInside = ({ schemaPath }: SchemaError): boolean => schemaPath.startsWith(`${union.schemaPath}/`);
  const rest = violations.filter((violation) => violation !== union && !isInside(violation));
  return withoutForms([...rest, ofForms(union, violations.filter(isInside))]);
}

function ofForms(union: SchemaError, forms: readonly SchemaError[]): SchemaError {
  const deeper = forms.filter(({ instancePath }) => instancePath.length > union.instancePath.length);
  const [meant] = deeper;
  if (meant !== undefined && deeper.length === 1) return meant;
  const each = (keyword: string): boolean => forms.every((form) => form.keyword === keyword);
  if (each('const')) {
    return { ...union, keyword: 'enum', params: { allowedValues: forms.map(({ params }) => params.allowedValue) } };
  }
  if (each('type') && forms[0] !== undefined) return forms[0];
  const missing = each('required') ? forms.map(({ params }) => params.missingProperty) : [];
  return { ...union, keyword: 'forms', params: { missing } };
}

/** A field name as a reference token of a JSON pointer (RFC 6901 §3), cut to a readable length. */
export function token(name: unknown): string {
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
    case 'forms':
      return (params.missing as unknown[]).length === 0
        ? 'has none of the forms that it may have'
        : `needs one of ${(params.missing as unknown[]).join(', ')}`;
    default:
      return message ?? 'does not fit the schema';
  }
}
