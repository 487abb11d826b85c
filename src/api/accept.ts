/** Which of several media types a client would rather have (RFC 9110 §12.5.1). */

/** Ranges of one Accept field that are looked at. */
const MAX_RANGES = 32;

interface Range {
  /** As `text/plain`, or with `*` in place of the subtype or both. */
  readonly type: string;
  /** 0 to 1. */
  readonly quality: number;
}

function rangesOf(accept: string): Range[] {
  return accept
    .split(',')
    .slice(0, MAX_RANGES)
    .map((text) => {
      const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
      return { type, quality: /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
    });
}

/** What the most specific range that fits says of the type. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  for (const fitting of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const range = ranges.find((one) => one.type === fitting);
    if (range !== undefined) return range.quality;
  }
  return 0;
}

/**
 * The type of `offered` that the client likes best; of equally liked ones the first. When it accepts none of them it gets the first too:
 * an answer of a type that was not asked for is of more use than a refusal.
 */
export function preferredType<const T extends string>(accept: string | undefined, offered: readonly [T, ...T[]]): T {
  const [first] = offered;
  if (accept === undefined) return first;
  const ranges = rangesOf(accept);
  return offered.reduce<T>((best, type) => (qualityOf(type, ranges) > qualityOf(best, ranges) ? type : best), first);
}
