/** From the validated body of POST /v1/programs to what a worker reads. */

import type { LimitName, Limits } from '../contract/limits.ts';
import type { ProgramUpload } from '../contract/program.ts';
import type { ReadProgramsTask } from '../contract/program-task.ts';
import { spelledLength } from './decode-bytes.ts';
import { checkMaps, decodeMap, decodeProgram, limitedBytes, refusal, refuseLater } from './decode-run.ts';
import { ProblemError } from './problem-error.ts';

export type Upload = ReadProgramsTask['upload'];

/** Fields that belong to a program and not to an object. */
const PROGRAM_FIELDS = ['name', 'type', 'asm', 'insns', 'dialect', 'license', 'attachType', 'flags', 'maps'] as const;

/** A body, or a part of one, that is larger than a limit. */
export function bodyTooLarge(what: string, bytes: number, limit: LimitName, limits: Limits): ProblemError {
  const detail = `${what} has ${bytes} bytes, more than ${limit}, which is ${limits[limit]} here.`;
  return new ProblemError({ code: 'body_too_large', detail, limit });
}

/**
 * What a body that has passed the schema brings.
 * @param bodyBytes size of the body as it came
 * @throws ProblemError for what the schema cannot say, with its pointer
 */
export function decodeUpload(body: ProgramUpload, bodyBytes: number, limits: Limits): Upload {
  const { elf, name, maps = [] } = body;
  const besideObject = bodyBytes - (elf === undefined ? 0 : spelledLength(elf));
  if (besideObject > limits.maxBodyBytesBesideObject) {
    throw bodyTooLarge('Without its inline object the body', besideObject, 'maxBodyBytesBesideObject', limits);
  }
  if (elf !== undefined) {
    const beside = PROGRAM_FIELDS.find((field) => body[field] !== undefined);
    if (beside !== undefined) {
      throw refusal('schema_violation', `/${beside}`, 'does not go with elf: the object says it');
    }
    return { kind: 'object', elf: limitedBytes(elf, 'maxObjectBytes', limits, '/elf'), pointer: '/elf' };
  }
  if (name === undefined) throw refusal('schema_violation', '/name', 'is required, unless the body has an elf');
  refuseLater({ maps });
  checkMaps(maps, limits);
  return {
    kind: 'program',
    program: decodeProgram({ ...body, name }, ''),
    maps: maps.map((map, index) => decodeMap(map, `/maps/${index}`)),
  };
}
