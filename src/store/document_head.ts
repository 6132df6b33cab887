/** The head of a large document: what there is to know before its parts are read. */
import { DEFAULT_STORE } from "./defaults.ts";

export interface DocumentHead {
  readonly size: number;
  readonly sha256: string;
  readonly parts: number;
  /** Name of the node whose children the parts are. */
  readonly generation: string;
  /** The generation before this one, whose parts are still there for readers that are at it. */
  readonly previous: string | null;
}

export function headBytes(head: DocumentHead): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(head));
}

/** Null for bytes that are no head. */
export function readHead(bytes: Uint8Array): DocumentHead | null {
  let head: Partial<Record<keyof DocumentHead, unknown>>;
  try {
    head = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
  if (typeof head !== "object" || head === null) return null;
  const { size, sha256, parts, generation, previous } = head;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const isName = (value: unknown): value is string =>
    typeof value === "string" && /^[0-9a-f-]{1,64}$/.test(value);
  if (!isCount(size) || !isCount(parts) || parts > size || !isName(generation)) return null;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  if (previous !== null && !isName(previous)) return null;
  return { size, sha256, parts, generation, previous };
}

/** Name of a part: numbers in the order of their text. */
export function partName(number: number): string {
  return String(number).padStart(8, "0");
}

const { part_bytes } = DEFAULT_STORE.large_documents;

/** What comes in pieces of any size, in parts of `part_bytes` and a last one that may be smaller. Each part is a copy. */
export async function* inParts(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let part = new Uint8Array(part_bytes);
  let filled = 0;
  for await (const piece of pieces)
    for (let from = 0; from < piece.length;) {
      const taken = Math.min(piece.length - from, part_bytes - filled);
      part.set(piece.subarray(from, from + taken), filled);
      filled += taken;
      from += taken;
      if (filled < part_bytes) continue;
      yield part;
      part = new Uint8Array(part_bytes);
      filled = 0;
    }
  if (filled > 0) yield part.subarray(0, filled);
}
