/** Lists as the control side keeps them and gives them to the workers: large ones in memory that all of them share. */
import type { SharedMemory } from "../../../core/shared_memory.ts";
import { ListTableBuilder } from "../../../core/redirect/list_table.ts";
import type { NamedList } from "../../../core/redirect/model.ts";
import { NamedLists, NamedListsBuilder } from "../../../core/redirect/named_lists.ts";
import { runInSlices } from "../../../platform/slices.ts";
import type { PublishedLists } from "../gateway/published.ts";
import { readLists } from "./stored.ts";

export interface KeptLists {
  readonly version: number;
  readonly named: NamedLists;
  /** Where they lie; null = in this process alone. */
  readonly memory: SharedMemory | null;
}

/** Makes memory that the workers share. */
export type Share = (bytes: number) => SharedMemory;

/** Shorter documents go to each worker as they are: memory of one's own costs a page and an order at least. */
const SHARED_FROM_BYTES = 64 * 1_024;

export const NO_LISTS: KeptLists = { version: 0, named: NamedLists.none, memory: null };

/** Reads the lists of a store in steps. Rejects in words. */
export async function readKeptLists(bytes: Uint8Array, share: Share): Promise<KeptLists> {
  const memory = bytes.length < SHARED_FROM_BYTES ? null : share(ListTableBuilder.roomFor(bytes.length));
  try {
    const room = memory?.bytes.buffer ?? new ArrayBuffer(ListTableBuilder.roomFor(bytes.length));
    return { ...(await runInSlices(readSlices(bytes, room))), memory };
  } catch (error) {
    memory?.drop();
    throw error;
  }
}

function* readSlices(bytes: Uint8Array, room: ArrayBuffer): Generator<void, Omit<KeptLists, "memory">> {
  const builder = new NamedListsBuilder(room);
  const { version, lists } = yield* readLists(bytes, (values, index) => builder.add(index, values));
  return { version, named: yield* builder.slices(lists) };
}

/** Lists that are there as a whole, as those of files. */
export async function keepLists(
  { version, lists }: { readonly version: number; readonly lists: readonly NamedList[] },
  share: Share,
): Promise<KeptLists> {
  const texts = lists.flatMap(({ values }) =>
    values.flatMap(({ value, encoded }) => (encoded === null ? [value] : [encoded, value])),
  );
  const room = ListTableBuilder.room(texts);
  const memory = room < SHARED_FROM_BYTES ? null : share(room);
  const builder = new NamedListsBuilder(memory?.bytes.buffer ?? new ArrayBuffer(room));
  for (const [index, { values }] of lists.entries()) builder.add(index, values);
  return { version, named: await runInSlices(builder.slices(lists)), memory };
}

export function publishedLists({ named, memory }: KeptLists): PublishedLists {
  return memory === null ? named.whole() : { names: named.names, memory: memory.name };
}
