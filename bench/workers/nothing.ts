/** A task that does nothing: what is left is the way to a thread and back. */

export default function nothing(): number {
  return 0;
}
