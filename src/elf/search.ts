/** Binary search in rows that are sorted by byte offset. */

/** Index of the first row whose offset is not below `offset`; the number of rows if all are. */
export function lowerBound(rows: readonly { readonly offset: number }[], offset: number): number {
  let low = 0;
  for (let high = rows.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
