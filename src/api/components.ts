/** Schemas that have a name in the OpenAPI document: each stands there once, and everything that is equal to it refers to it. */

import type { TSchema } from 'typebox';
import { Accepted } from '../contract/accepted.ts';
import { BatchBody, BatchLine } from '../contract/batch.ts';
import { ProblemDocument } from '../contract/problem-document.ts';
import {
  Disassembly,
  ProgramDetails,
  ProgramGraph,
  ProgramsStored,
  ProgramUpload,
  ProgramVerification,
} from '../contract/program.ts';
import {
  ChainRow,
  HexBytes,
  PrintRow,
  Rejection,
  RunAnswerBody,
  RunResult,
  Source,
  Verification,
} from '../contract/result.ts';
import { Bytes, MapBody, Program, RunBody } from '../contract/run.ts';
import {
  AddedProgram,
  CreatedSandbox,
  EntryDocument,
  EntryPage,
  GraphDocument,
  MapEntry,
  MapList,
  SandboxBody,
  SandboxDocument,
  SandboxRunBody,
  SlotDocument,
  SlotPage,
  SnapshotDocument,
  SwapBody,
  SwapDocument,
} from '../contract/sandbox.ts';
import { CreatedShare, Share, ShareBody } from '../contract/share.ts';
import { FrameState, Patch, StepPage, StepRow, StepState } from '../contract/step.ts';

const NAMED: Readonly<Record<string, TSchema>> = {
  Accepted,
  AddedProgram,
  BatchBody,
  BatchLine,
  Bytes,
  ChainRow,
  CreatedSandbox,
  CreatedShare,
  Disassembly,
  EntryDocument,
  EntryPage,
  FrameState,
  GraphDocument,
  HexBytes,
  MapBody,
  MapEntry,
  MapList,
  Patch,
  PrintRow,
  ProblemDocument,
  Program,
  ProgramDetails,
  ProgramGraph,
  ProgramsStored,
  ProgramUpload,
  ProgramVerification,
  Rejection,
  RunAnswerBody,
  RunBody,
  RunResult,
  SandboxBody,
  SandboxDocument,
  SandboxRunBody,
  Share,
  ShareBody,
  SlotDocument,
  SlotPage,
  SnapshotDocument,
  Source,
  StepPage,
  StepRow,
  StepState,
  SwapBody,
  SwapDocument,
  Verification,
};

/** The schema of a name. */
export const reference = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

/** What may stand beside a `$ref`: it tells of the place, not of the schema. */
const BESIDE = ['description', 'examples'] as const;

const MARK = 'x-waggle-schema';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Text of a schema without what may stand beside a reference; two schemas with the same text say the same. */
function textOf(schema: Json): string {
  const { description: _, examples: __, ...rest } = schema;
  return JSON.stringify(rest);
}

/** A few characters that equal schemas have in common, so that few texts are made. */
function outline({ properties, anyOf }: Json): string {
  if (isObject(properties)) return Object.keys(properties).join();
  return Array.isArray(anyOf) ? `anyOf ${anyOf.length}` : '';
}

/**
 * A schema with a mark in place of each part that has a name. The plugin that makes the document rewrites schemas on the way (it knows no
 * patternProperties, for one), and would not leave them equal.
 */
export class Naming {
  readonly #names = new Map<string, Map<string, string>>();

  constructor() {
    for (const [name, schema] of Object.entries(NAMED)) {
      const texts = this.#names.get(outline(schema as Json)) ?? new Map<string, string>();
      this.#names.set(outline(schema as Json), texts.set(textOf(schema as Json), name));
    }
  }

  /** @param own name of the schema that `value` is: it does not refer to itself */
  mark(value: unknown, own?: string): unknown {
    if (Array.isArray(value)) return value.map((one) => this.mark(one));
    if (!isObject(value)) return value;
    const name = this.#names.get(outline(value))?.get(textOf(value));
    if (name === undefined || name === own) {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.mark(one)]));
    }
    const beside = BESIDE.filter((key) => value[key] !== undefined && value[key] !== (NAMED[name] as Json)[key]);
    return { [MARK]: name, ...Object.fromEntries(beside.map((key) => [key, value[key]])) };
  }

  /** The schemas with a name, which refer to each other. */
  schemas(): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(NAMED).map(([name, schema]) => [name, withReferences(this.mark(schema, name))]),
    );
  }
}

/** References in place of the marks. */
export function withReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReferences);
  if (!isObject(value)) return value;
  const { [MARK]: name, ...rest } = value;
  const others = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, withReferences(one)]));
  return typeof name === 'string' ? { ...reference(name), ...others } : others;
}
