/** What a question may hold, looked at before it is sent: to the server a message that does not fit is the end of the socket. */

import { INSPECT_PATTERN, MAX_INSPECT_COUNT } from '../contract/trace.ts';

const PART = new RegExp(INSPECT_PATTERN, 'u');

/** @throws RangeError */
export function checkStep(step: number, name: string): void {
  if (!Number.isSafeInteger(step) || step < 0) throw new RangeError(`${name}: ${step} is not the number of a step`);
}

/** @throws RangeError */
export function checkCount(count: number, most: number): void {
  if (!Number.isSafeInteger(count) || count < 0 || count > most) {
    throw new RangeError(`count: ${count} is not a whole number from 0 to ${most}`);
  }
}

/** @throws RangeError */
export function checkPart(what: string, { start = 0, count = 0 }: { start?: number; count?: number }): void {
  if (!PART.test(what)) throw new RangeError(`what: '${what}' is not registers, stack, ctx, packet or map:<name>`);
  if (!Number.isSafeInteger(start)) throw new RangeError(`start: ${start} is not a whole number`);
  checkCount(count, MAX_INSPECT_COUNT);
}

/** @throws RangeError */
export function checkUntil(until: object): void {
  if ('pc' in until) checkStep(until.pc as number, 'pc');
}
