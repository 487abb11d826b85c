/** The closed lists as resources: GET /v1/limits with the values in force, GET /v1/outcomes with every outcome and problem. */

import { Type } from 'typebox';
import { LIMIT_NAMES, LIMITS, limitVariable } from '../contract/limits.ts';
import { OUTCOME_KINDS, OUTCOMES, type OutcomeCode } from '../contract/outcome.ts';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import { problemPath } from '../contract/problem-document.ts';
import { closed, literals } from '../contract/schema.ts';
import type { Api, Services } from './services.ts';

const LimitRows = Type.Array(
  Type.Object(
    {
      name: Type.String(),
      value: Type.Number(),
      default: Type.Number(),
      unit: Type.String(),
      text: Type.String(),
      variable: Type.String({ description: 'Environment variable that sets it' }),
    },
    closed,
  ),
);

const Outcomes = Type.Object(
  {
    outcomes: Type.Array(
      Type.Object({ code: Type.String(), kind: literals(OUTCOME_KINDS), text: Type.String() }, closed),
    ),
    problems: Type.Array(
      Type.Object(
        {
          code: Type.String(),
          status: Type.Integer(),
          title: Type.String(),
          retryable: Type.Boolean(),
          type: Type.String(),
        },
        closed,
      ),
    ),
  },
  closed,
);

export function registerLimits(app: Api, { limits }: Services): void {
  const rows = LIMIT_NAMES.map((name) => ({
    name,
    value: limits[name],
    default: LIMITS[name].default,
    unit: LIMITS[name].unit,
    text: LIMITS[name].text,
    variable: limitVariable(name),
  }));
  app.get(
    '/v1/limits',
    {
      schema: {
        operationId: 'getLimits',
        summary: 'Every limit of this server',
        tags: ['info'],
        response: { 200: LimitRows },
      },
    },
    async () => rows,
  );

  const lists = {
    outcomes: (Object.keys(OUTCOMES) as OutcomeCode[]).map((code) => ({ code, ...OUTCOMES[code] })),
    problems: (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => ({
      code,
      ...PROBLEMS[code],
      type: problemPath(code),
    })),
  };
  app.get(
    '/v1/outcomes',
    {
      schema: {
        operationId: 'getOutcomes',
        summary: 'How a run can end, and how a request can be refused',
        tags: ['info'],
        response: { 200: Outcomes },
      },
    },
    async () => lists,
  );
}
