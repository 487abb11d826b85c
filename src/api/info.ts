/** GET /v1/info: what this engine is and knows, read from the inert tables of spec/. */

import { Type } from 'typebox';
import { LATER_FEATURES, LATER_RESOURCES } from '../contract/later.ts';
import { PROFILES } from '../contract/run.ts';
import { closed, literals, nullable } from '../contract/schema.ts';
import { TRACE_SUBPROTOCOL } from '../contract/trace.ts';
import { ENGINE } from '../contract/version.ts';
import { CONTEXTS } from '../spec/contexts.ts';
import { helperAvailable } from '../spec/helper-types.ts';
import { HELPERS } from '../spec/helpers.ts';
import { MAP_TYPES } from '../spec/maps.ts';
import {
  type ImplementedProgramType,
  isImplementedProgramType,
  PROGRAM_TYPE_RULES,
  PROGRAM_TYPES,
  type ProgramType,
} from '../spec/programs.ts';
import type { Api } from './services.ts';

const typeFields = { name: Type.String(), number: Type.Integer(), implemented: Type.Boolean() };

const ContextField = Type.Object(
  {
    name: Type.String(),
    kernelName: Type.String(),
    offset: Type.Integer(),
    size: Type.Integer(),
    input: Type.Boolean({ description: 'May input.ctx set it to another value than 0?' }),
    output: Type.Boolean({ description: 'Does output.ctx show its value after the run?' }),
  },
  closed,
);

const ProgramTypeDetails = Type.Object(
  {
    defaultVerify: literals(['enforce', 'off']),
    minPacketBytes: Type.Integer(),
    maxPacketBytes: Type.Integer(),
    repeatable: Type.Boolean(),
    actions: Type.Record(Type.String(), Type.String(), { description: 'Return value to its name' }),
    context: nullable(
      Type.Object({ name: Type.String(), size: Type.Integer(), fields: Type.Array(ContextField) }, closed),
    ),
  },
  closed,
);

const Info = Type.Object(
  {
    engine: Type.String(),
    profiles: Type.Array(Type.String()),
    programTypes: Type.Array(Type.Object({ ...typeFields, details: nullable(ProgramTypeDetails) }, closed)),
    mapTypes: Type.Array(Type.Object(typeFields, closed)),
    helpers: Type.Array(
      Type.Object(
        {
          id: Type.Integer(),
          name: Type.String(),
          implemented: Type.Boolean(),
          gplOnly: Type.Boolean(),
          programTypes: Type.Array(Type.String(), { description: 'Implemented types that may call it on Linux' }),
        },
        closed,
      ),
    ),
    traceProtocols: Type.Array(Type.String()),
    notImplemented: Type.Object(
      { features: Type.Array(Type.String()), resources: Type.Array(Type.String()) },
      { ...closed, description: 'Described in the API and answered not_implemented today' },
    ),
  },
  closed,
);

const programTypes = Object.keys(PROGRAM_TYPES) as ProgramType[];
const implementedTypes = programTypes.filter(isImplementedProgramType);

function programTypeDetails(type: ImplementedProgramType) {
  const { defaultVerify, minPacketBytes, maxPacketBytes, repeatable, actions } = PROGRAM_TYPE_RULES[type];
  const layout = CONTEXTS[type];
  const context =
    layout === null
      ? null
      : {
          name: layout.name,
          size: layout.size,
          fields: layout.fields.map(({ name, kernelName, offset, size, input, output }) => ({
            name,
            kernelName,
            offset,
            size,
            input: input.kind !== 'zero',
            output,
          })),
        };
  return { defaultVerify, minPacketBytes, maxPacketBytes, repeatable, actions: { ...actions }, context };
}

export function registerInfo(app: Api): void {
  const schema = {
    operationId: 'getInfo',
    summary: 'Engine, profiles, program types with their contexts, map types, helpers',
    tags: ['info'],
    response: { 200: Info },
  };
  const info = {
    engine: ENGINE,
    profiles: [...PROFILES],
    programTypes: programTypes.map((name) => ({
      name,
      ...PROGRAM_TYPES[name],
      details: isImplementedProgramType(name) ? programTypeDetails(name) : null,
    })),
    mapTypes: Object.entries(MAP_TYPES).map(([name, row]) => ({ name, ...row })),
    helpers: HELPERS.map(({ id, name, implemented, gplOnly }) => ({
      id,
      name,
      implemented,
      gplOnly,
      programTypes: implementedTypes.filter((type) => helperAvailable(type, id)),
    })),
    traceProtocols: [TRACE_SUBPROTOCOL],
    notImplemented: {
      features: Object.values(LATER_FEATURES),
      resources: LATER_RESOURCES.map((resource) => `/v1/${resource}`),
    },
  };
  app.get('/v1/info', { schema }, async () => info);
}
