/** What an errno of a map command means to the client: one row each. */

import type { ProblemCode } from '../contract/problem.ts';
import { ProblemError } from './problem-error.ts';

const PROBLEM_OF_ERRNO: Readonly<Record<string, ProblemCode>> = {
  ENOENT: 'no_entry',
  EEXIST: 'entry_exists',
  EPERM: 'not_permitted',
};

/**
 * @param what says which command, of what
 * @param reason begins with a comma
 */
export function errnoProblem(errno: string, what: string, reason = REASONS[errno] ?? ''): ProblemError {
  const code = PROBLEM_OF_ERRNO[errno] ?? 'map_refused';
  return new ProblemError({ code, errno, detail: `${what}: Linux answers ${errno}${reason}.` });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: ', there is nothing under this key',
  EEXIST: ', and the mode is noexist',
  EPERM: ', the map is frozen, or its flags rdonly or wronly forbid it',
  E2BIG: ', the index is past the end, or the map is full',
  EINVAL: ', the map has no such command, or not with this mode',
};
