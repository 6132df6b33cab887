/** Large documents where something comes between: on SQLite, with a store that does something before a call. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, refusal, storeEnvironment } from "../../test/support/store_tools.ts";
import type { Store, StoreOperation } from "./contract.ts";
import { inParts, readHead } from "./document_head.ts";
import { StoreConflict, StoreUnavailable } from "./errors.ts";
import { LargeDocuments } from "./large_documents.ts";

const MiB = 1_048_576;
const root = mkdtempSync(join(tmpdir(), "fairlead-documents-"));
const store = openStore("sqlite", { directory: root }, storeEnvironment(root));
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});
const documents = new LargeDocuments(store);
const filled = (size: number, fill: number) => new Uint8Array(size).fill(fill);

/** The store, with something that happens before reads and transactions. */
function disturbed(before: {
  readonly get?: (path: string) => Promise<void>;
  readonly transact?: (operations: readonly StoreOperation[]) => Promise<void>;
}): Store {
  return Object.assign(Object.create(null) as Store, {
    children: store.children.bind(store),
    sync: store.sync.bind(store),
    delete: store.delete.bind(store),
    put: store.put.bind(store),
    async get(path: string) {
      await before.get?.(path);
      return await store.get(path);
    },
    async transact(operations: readonly StoreOperation[]) {
      await before.transact?.(operations);
      return await store.transact(operations);
    },
  });
}

test("a reader whose document is replaced twice meanwhile begins anew, and gives up after some times", async () => {
  await documents.write("/r", filled(2 * MiB, 1));
  let replacing = 1;
  const reader = new LargeDocuments(
    disturbed({
      async get(path) {
        if (!path.endsWith("/00000001") || replacing === 0) return;
        replacing--;
        for (const fill of [2, 3]) await documents.write("/r", filled(2 * MiB, fill));
      },
    }),
  );
  expect((await reader.read("/r"))!.value).toEqual(filled(2 * MiB, 3));
  expect(replacing).toBe(0);
  replacing = Infinity;
  const error = await refusal(reader.read("/r"));
  expect(error).toBeInstanceOf(StoreUnavailable);
  expect(error.message).toContain("replaced during each of 5 reads");
  const stream = (await reader.stream("/r"))!;
  expect(await refusal(Array.fromAsync(stream.parts))).toBeInstanceOf(StoreConflict);
});

test("a writer whose parts were taken for dead does not switch to what is half gone", async () => {
  await documents.write("/w", filled(MiB, 1));
  const slow = new LargeDocuments(
    disturbed({
      async transact() {
        // Many writers that died: the next one clears all of them, this one too.
        const replaces = new TextEncoder().encode(String(await documents.revision("/w")));
        for (const name of ["dead-1", "dead-2", "dead-3"]) {
          await store.put(`/w/parts/${name}`, replaces);
          await store.put(`/w/parts/${name}/00000000`, filled(1, 1));
        }
        const limited = new LargeDocuments(store, 10);
        expect((await refusal(limited.write("/w", tooMuch()))).name).toBe("DocumentTooLarge");
      },
    }),
  );
  expect(await refusal(slow.write("/w", filled(MiB, 2)))).toBeInstanceOf(StoreConflict);
  expect((await documents.read("/w"))!.value).toEqual(filled(MiB, 1));
  expect((await store.children("/w/parts"))!.length).toBe(1);
});

async function* tooMuch(): AsyncGenerator<Uint8Array> {
  yield filled(11, 0);
}

test("after an outage at the switch the parts stay: the head may name them", async () => {
  const first = await documents.write("/o", filled(MiB, 1));
  const cut = new LargeDocuments(
    disturbed({
      async transact(operations) {
        await store.transact(operations);
        throw new StoreUnavailable("cut", true);
      },
    }),
  );
  expect(await refusal(cut.write("/o", filled(MiB, 2), first))).toMatchObject({ perhaps_done: true });
  const found = (await documents.read("/o"))!;
  expect(found.value).toEqual(filled(MiB, 2));
  expect(found.revision).not.toBe(first);
});

test("a streamed document takes a few parts of memory on its way in and out", async () => {
  let produced = 0;
  async function* pieces() {
    for (; produced < 200; produced++) yield filled(300_000, produced & 255);
  }
  const large = new LargeDocuments(store, 64 * MiB);
  await large.write("/m", pieces());
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed + process.memoryUsage().external;
  let [peak, size] = [0, 0];
  const { parts, size: told } = (await large.stream("/m"))!;
  for await (const part of parts) {
    size += part.length;
    if (size % (8 * MiB) !== 0) continue;
    Bun.gc(true);
    peak = Math.max(peak, process.memoryUsage().heapUsed + process.memoryUsage().external - before);
  }
  expect([size, told]).toEqual([60_000_000, 60_000_000]);
  expect(peak).toBeLessThan(16 * MiB);
});

test("parts are cut at their size, whatever the pieces", async () => {
  const sizes = async (pieces: readonly number[]) =>
    (await Array.fromAsync(inParts(pieces.map((size) => filled(size, 1))))).map(({ length }) => length);
  expect(await sizes([])).toEqual([]);
  expect(await sizes([0, 0])).toEqual([]);
  expect(await sizes([524_288])).toEqual([524_288]);
  expect(await sizes([1, 524_288, 524_286])).toEqual([524_288, 524_287]);
  expect(await sizes([1_048_577])).toEqual([524_288, 524_288, 1]);
});

test.each([
  ["", null],
  ["null", null],
  ["[]", null],
  ["\xff", null],
  ['{"size":1,"sha256":"x","parts":1,"generation":"a","previous":null}', null],
  [`{"size":1,"sha256":"${"0".repeat(64)}","parts":2,"generation":"a","previous":null}`, null],
  [`{"size":1,"sha256":"${"0".repeat(64)}","parts":1,"generation":"../x","previous":null}`, null],
  [`{"size":-1,"sha256":"${"0".repeat(64)}","parts":0,"generation":"a","previous":null}`, null],
  [`{"size":1,"sha256":"${"0".repeat(64)}","parts":1,"generation":"a","previous":null}`, 1],
])("the head %j", (text, size) => {
  expect(readHead(Buffer.from(text, "latin1"))?.size ?? null).toBe(size);
});
