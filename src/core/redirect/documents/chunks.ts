/** Documents as they arrive. */
import { formatSize } from "../../schema/size.ts";

export interface DocumentLimits {
  /** Longest document. */
  readonly max_model_bytes: number;
}

/** All chunks, or why the document is refused. Takes none after the one that makes it too long: the rest is never held. */
export function gathered(
  chunks: Iterable<Uint8Array>,
  { max_model_bytes }: DocumentLimits,
): { readonly chunks: readonly Uint8Array[] } | { readonly refusal: string } {
  const taken: Uint8Array[] = [];
  let size = 0;
  for (const chunk of chunks) {
    size += chunk.length;
    if (size > max_model_bytes) return { refusal: tooLong(size, max_model_bytes) };
    taken.push(chunk);
  }
  return { chunks: taken };
}

/** As many chunks of a stream as make a document too long, or all: readers of documents take it from there. */
export async function gatherStream(
  stream: AsyncIterable<Uint8Array>,
  { max_model_bytes }: DocumentLimits,
): Promise<Uint8Array[]> {
  const taken: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    taken.push(chunk);
    size += chunk.length;
    if (size > max_model_bytes) break;
  }
  return taken;
}

/** `size` is what had arrived when the limit was passed: more may follow. */
function tooLong(size: number, limit: number): string {
  return `has ${size} bytes or more; expected at most ${formatSize(limit)} (max_model_bytes)`;
}
