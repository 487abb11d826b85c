/** What this server is and knows: /v1/info, /v1/limits, /v1/outcomes. */

import { Type } from 'typebox';
import { LATER_FEATURES, LATER_RESOURCES } from '../contract/later.ts';
import { LIMIT_NAMES, LIMITS, limitVariable } from '../contract/limits.ts';
import { OUTCOME_KINDS, type OutcomeCode, OUTCOMES } from '../contract/outcome.ts';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import { problemPath } from '../contract/problem-document.ts';
import { PROFILES } from '../contract/run.ts';
import { closed, literals } from '../contract/schema.ts';
import { TRACE_SUBPROTOCOL } from '../contract/trace.ts';
import { ENGINE } from '../contract/version.ts';
import { MAP_TYPES } from '../spec/maps.ts';
import { PROGRAM_TYPES } from '../spec/programs.ts';
import type { Api, Services } from './services.ts';

const TypeRow = Type.Object({ name: Type.String(), number: Type.Integer(), implemented: Type.Boolean() }, closed);

const Info = Type.Object(
  {
    engine: Type.String(),
    profiles: Type.Array(Type.String()),
    programTypes: Type.Array(TypeRow),
    mapTypes: Type.Array(TypeRow),
    traceProtocols: Type.Array(Type.String()),
    notImplemented: Type.Object(
      { features: Type.Array(Type.String()), resources: Type.Array(Type.String()) },
      { ...closed, description: 'Described in the API and answered not_implemented today' },
    ),
  },
  closed,
);

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
    outcomes: Type.Array(Type.Object({ code: Type.String(), kind: literals(OUTCOME_KINDS), text: Type.String() }, closed)),
    problems: Type.Array(
      Type.Object(
        { code: Type.String(), status: Type.Integer(), title: Type.String(), retryable: Type.Boolean(), type: Type.String() },
        closed,
      ),
    ),
  },
  closed,
);

const typeRows = (table: Readonly<Record<string, { readonly number: number; readonly implemented: boolean }>>) =>
  Object.entries(table).map(([name, { number, implemented }]) => ({ name, number, implemented }));

export function registerInfo(app: Api, { limits }: Services): void {
  const schema = (summary: string, response: object) => ({ summary, tags: ['info'], response: { 200: response } });

  app.get('/v1/info', { schema: schema('Engine, profiles, program types and map types', Info) }, async () => ({
    engine: ENGINE,
    profiles: [...PROFILES],
    programTypes: typeRows(PROGRAM_TYPES),
    mapTypes: typeRows(MAP_TYPES),
    traceProtocols: [TRACE_SUBPROTOCOL],
    notImplemented: {
      features: Object.values(LATER_FEATURES),
      resources: LATER_RESOURCES.map((resource) => `/v1/${resource}`),
    },
  }));

  app.get('/v1/limits', { schema: schema('Every limit of this server', LimitRows) }, async () =>
    LIMIT_NAMES.map((name) => ({
      name,
      value: limits[name],
      default: LIMITS[name].default,
      unit: LIMITS[name].unit,
      text: LIMITS[name].text,
      variable: limitVariable(name),
    })),
  );

  app.get('/v1/outcomes', { schema: schema('How a run can end, and how a request can be refused', Outcomes) }, async () => ({
    outcomes: (Object.keys(OUTCOMES) as OutcomeCode[]).map((code) => ({ code, ...OUTCOMES[code] })),
    problems: (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => ({ code, ...PROBLEMS[code], type: problemPath(code) })),
  }));
}
