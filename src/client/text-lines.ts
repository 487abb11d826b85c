/** Lines of a body as they come. */

/**
 * The lines of a stream of UTF-8, without their ends; the last one may have none. When the reader stops early the stream is cancelled.
 * @param body null: no lines
 */
export async function* textLines(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let isOver = false;
  try {
    while (!isOver) {
      const { done, value } = await reader.read();
      isOver = done;
      const lines = (rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    if (!isOver) await reader.cancel().catch(() => {});
  }
}
