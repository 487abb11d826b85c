/** Query parameters: always text, so their bounds are checked here and every refusal names the parameter. */

import { Type } from 'typebox';
import { closed } from '../contract/schema.ts';
import { ProblemError } from './problem-error.ts';

/** Characters that a query parameter may have; the longest (a list of map names) needs far less. */
export const MAX_QUERY_LENGTH = 4096;

/** For a route that takes none. */
export const NoQuery = Type.Object({}, closed);

/** A refusal of a query parameter, or of a header that stands for one. */
export function badParameter(name: string, detail: string): ProblemError {
  return new ProblemError({ code: 'bad_request', detail: `${name}: ${detail}` });
}

/**
 * A whole number in decimal.
 * @throws ProblemError bad_request with the parameter's name and bounds
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  { least, most, otherwise }: { readonly least: number; readonly most: number; readonly otherwise: number },
): number {
  if (text === undefined) return otherwise;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw badParameter(name, `must be a whole number from ${least} to ${most}`);
}

/** One of a closed list of words. */
export function oneOf<const T extends string>(name: string, text: string | undefined, words: readonly [T, ...T[]]): T {
  if (text === undefined) return words[0];
  const found = words.find((word) => word === text);
  if (found === undefined) throw badParameter(name, `must be one of ${words.join(', ')}`);
  return found;
}
