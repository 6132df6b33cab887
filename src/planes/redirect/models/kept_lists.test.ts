import { expect, test } from "bun:test";
import type { NamedList } from "../../../core/redirect/model.ts";
import { keepLists, NO_LISTS, publishedLists, readKeptLists } from "./kept_lists.ts";
import { listsBytes } from "./stored.ts";

/** Memory as the supervisor makes it, and what has become of it. */
class Memories {
  readonly made: number[] = [];
  readonly dropped: string[] = [];
  readonly share = (bytes: number) => {
    const name = String(this.made.push(bytes));
    return { name, bytes: new Uint8Array(bytes), drop: () => void this.dropped.push(name) };
  };
}

const listOf = (size: number): NamedList => ({
  name: "beta",
  description: null,
  type: "ENCODED",
  version: 1,
  values: Array.from({ length: size }, (_, index) => ({ value: `v${index}`, encoded: `E${index}` })),
});

test("a large list lies in memory that workers share, a small one is published as it is", async () => {
  const memories = new Memories();
  const small = await readKeptLists(listsBytes({ version: 3, lists: [listOf(2)] }), memories.share);
  expect([small.version, small.memory, publishedLists(small)]).toEqual([3, null, [listOf(2)]]);
  const large = await readKeptLists(listsBytes({ version: 4, lists: [listOf(10_000)] }), memories.share);
  expect(publishedLists(large)).toEqual({ names: large.named.names, memory: "1" });
  expect(large.named.table.buffer).toBe(large.memory!.bytes.buffer);
  expect(large.named.table.listsOf("e9999")).toEqual([0]);
  expect(large.named.table.size).toBe(20_000);
  const kept = await keepLists({ version: 4, lists: [listOf(10_000)] }, memories.share);
  expect([...kept.named.table.textsOf(1)]).toEqual([...large.named.table.textsOf(1)]);
  expect(publishedLists(kept)).toMatchObject({ memory: "2" });
  expect([publishedLists(NO_LISTS), memories.dropped]).toEqual([[], []]);
});

test("memory of lists that cannot be read is given back", async () => {
  const memories = new Memories();
  const bytes = listsBytes({ version: 4, lists: [listOf(10_000)] });
  const refusal = (document: Uint8Array): Promise<string> =>
    readKeptLists(document, memories.share).then(
      () => "",
      (error: Error) => error.message,
    );
  expect(await refusal(bytes.subarray(0, -2))).toBe("the document is not JSON");
  bytes[12] = 0xff;
  expect(await refusal(bytes)).toBe("the document is not JSON");
  expect(memories.dropped).toEqual(["1", "2"]);
});
