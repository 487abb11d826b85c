/** Reads bodies of runs that no route of Fastify has checked: items of a batch, and what comes out of the store. */

import { RunBody } from '../contract/run.ts';
import type { RunSpec } from '../contract/run-spec.ts';
import { decodeRun } from './decode-run.ts';
import { ProblemError } from './problem-error.ts';
import { type SchemaError, schemaViolation } from './schema-violation.ts';
import type { Api, Services } from './services.ts';

/**
 * Checks and decodes the body of a run, its stored programs looked up.
 * @throws ProblemError
 */
export type RunReader = (value: unknown, bytes: number) => Promise<RunSpec>;

/** A function that Ajv compiled. */
interface Validate {
  (value: unknown): unknown;
  errors?: unknown;
}

/** Readers for each tenant, with the schema that POST /v1/runs has. */
export function runReaders(
  app: Pick<Api, 'validatorCompiler'>,
  { limits, programs }: Pick<Services, 'limits' | 'programs'>,
): (tenant: string) => RunReader {
  let compiled: Validate | undefined;
  const validator = (): Validate => {
    // Once, and not before the app is ready: only then Fastify has its compiler.
    compiled ??= app.validatorCompiler!({
      schema: RunBody,
      method: 'POST',
      url: '/v1/runs',
      httpPart: 'body',
    }) as Validate;
    return compiled;
  };
  return (tenant) => async (value, bytes) => {
    const validate = validator();
    if (validate(value) !== true) throw new ProblemError(schemaViolation(validate.errors as SchemaError[]));
    return programs.resolve(decodeRun(value as RunBody, limits, bytes, tenant));
  };
}
