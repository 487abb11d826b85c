/** A refusal as it goes over the wire: application/problem+json (RFC 9457) with Waggle's members. */

import { type Static, Type } from 'typebox';
import { PROBLEMS, type Problem, type ProblemCode } from './problem.ts';
import { Rejection } from './result.ts';
import { closed, literals } from './schema.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export const ProblemDocument = Type.Object(
  {
    type: Type.String({ description: 'A path on this server that explains the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: literals(Object.keys(PROBLEMS) as ProblemCode[]),
    errno: Type.Optional(Type.String({ description: "Linux's errno, where Linux would have answered with one" })),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          { pointer: Type.String({ description: 'JSON pointer (RFC 6901) into the body' }), detail: Type.String() },
          closed,
        ),
      ),
    ),
    limit: Type.Optional(Type.String({ description: 'Name of the limit that was passed, as in /v1/limits' })),
    rejection: Type.Optional(Rejection),
    retryable: Type.Boolean({ description: 'May the same request succeed later, unchanged?' }),
  },
  closed,
);
export type ProblemDocument = Static<typeof ProblemDocument>;

/** The path of the page that explains a problem code. */
export function problemPath(code: string): string {
  return `/problems/${code}`;
}

/** The document of a problem, for one request. */
export function problemDocument(problem: Problem, requestId: string): ProblemDocument {
  const { title, status, retryable } = PROBLEMS[problem.code];
  return {
    type: problemPath(problem.code),
    title,
    status,
    detail: problem.detail,
    code: problem.code,
    ...(problem.errno === undefined ? {} : { errno: problem.errno }),
    requestId,
    ...(problem.errors === undefined ? {} : { errors: [...problem.errors] }),
    ...(problem.limit === undefined ? {} : { limit: problem.limit }),
    ...(problem.rejection === undefined ? {} : { rejection: problem.rejection }),
    retryable,
  };
}
