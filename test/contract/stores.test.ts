/** What every store must keep: each entry of `all.ts` is run through all of this, ZooKeeper as a real server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { z } from "zod";
import { stores } from "../../src/store/all.ts";
import type { Store, StoreOperation } from "../../src/store/contract.ts";
import { partName } from "../../src/store/document_head.ts";
import { StoreConflict, StoreRefused, StoreUnavailable } from "../../src/store/errors.ts";
import { DocumentTooLarge, LargeDocuments } from "../../src/store/large_documents.ts";
import { startZookeeper, zookeeperLacking, type Zookeeper } from "../daemons/zookeeper.ts";
import { requirement } from "../support/require.ts";
import {
  bytesOf,
  eventually,
  openStore,
  refusal,
  storeEnvironment,
  textOf,
  WatchLog,
} from "../support/store_tools.ts";

const MiB = 1_048_576;
const lacking = requirement("zookeeper", zookeeperLacking());
const directory = mkdtempSync(join(tmpdir(), "fairlead-stores-"));
let zookeeper: Zookeeper | null = null;
const open: Store[] = [];
let count = 0;

beforeAll(async () => {
  if (lacking === null) zookeeper = await startZookeeper();
}, 60_000);
afterAll(async () => {
  await Promise.all(open.map((store) => store.close()));
  await zookeeper?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Options of each store; its sessions and leases are short. */
const OPTIONS: Readonly<Record<string, () => Readonly<Record<string, unknown>>>> = {
  sqlite: () => ({ directory, lease: "600ms", poll: "50ms" }),
  zookeeper: () => ({ connect: zookeeper!.connect, session_timeout: "2s" }),
};

async function opened(type: string, base: string): Promise<Store> {
  const store = openStore(type, { ...OPTIONS[type]!(), base }, storeEnvironment(directory));
  open.push(store);
  await store.whenConnected(10_000);
  return store;
}

/** Two programs with one base, which no other test uses. */
async function twoStores(type: string): Promise<[Store, Store]> {
  const base = `/test-${++count}`;
  return [await opened(type, base), await opened(type, base)];
}

test("every store has options here", () => {
  expect(Object.keys(OPTIONS)).toEqual(stores.map(({ name }) => name));
});

for (const { name, schema, summary } of stores) {
  test(`${name}: the schema is a strict object with descriptions, and gives plain JSON`, () => {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(summary).toMatch(/^[A-Z].*\.$/);
    if (!(schema instanceof z.ZodObject)) throw new Error("not an object");
    const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
    for (const [key, each] of Object.entries(shape))
      expect([key, typeof each.meta()?.["description"]]).toEqual([key, "string"]);
    const options = name === "zookeeper" ? { connect: "a:1" } : {};
    expect(schema.safeParse({ ...options, surely_unknown: 1 }).success).toBe(false);
    const parsed = schema.parse(options);
    expect(JSON.parse(JSON.stringify(parsed))).toEqual(parsed);
  });

  describe.skipIf(name === "zookeeper" && lacking !== null)(name, () => {
    test("what one program puts, another one gets; parents are made", async () => {
      const [one, other] = await twoStores(name);
      expect(one.state.kind).toBe("connected");
      expect(await one.get("/a/b/c")).toBeNull();
      expect(await one.children("/a")).toBeNull();
      const revision = await one.put("/a/b/c", bytesOf("text"));
      await other.sync();
      const found = await other.get("/a/b/c");
      expect([textOf(found?.value), found?.revision]).toEqual(["text", revision]);
      expect(textOf((await other.get("/a/b"))?.value)).toBe("");
      await other.put("/a/b/ä", bytesOf(""));
      await other.put("/a/b/a", bytesOf(""));
      await one.sync();
      expect(await one.children("/a/b")).toEqual(["a", "c", "ä"]);
      expect(await one.children("/a/b/c")).toEqual([]);
      expect(await one.children("/")).toEqual(["a"]);
      await one.delete("/a/b/c");
      await one.delete("/a/b/c");
      await other.sync();
      expect(await other.get("/a/b/c")).toBeNull();
    });

    test("revisions: each put gives another one, and only who knows the last may change or delete", async () => {
      const [one, other] = await twoStores(name);
      const first = await one.put("/n", bytesOf("1"), "absent");
      const second = await other.put("/n", bytesOf("2"), first);
      expect(second).not.toBe(first);
      const cases: [() => Promise<unknown>, string, unknown][] = [
        [() => one.put("/n", bytesOf("x"), first), "/n", first],
        [() => one.put("/n", bytesOf("x"), "absent"), "/n", "absent"],
        [() => one.put("/none", bytesOf("x"), first), "/none", first],
        [() => one.delete("/n", first), "/n", first],
        [() => one.delete("/none", first), "/none", first],
        [() => one.transact([{ kind: "check", path: "/n", revision: first }]), "/n", first],
        [() => one.transact([{ kind: "check", path: "/none", revision: first }]), "/none", first],
      ];
      for (const [attempt, path, expected] of cases) {
        const error = await refusal(attempt());
        expect(error).toBeInstanceOf(StoreConflict);
        expect(error).toMatchObject({ path, expected });
      }
      await one.sync();
      expect(textOf((await one.get("/n"))?.value)).toBe("2");
      expect(await one.transact([{ kind: "check", path: "/n", revision: second }])).toEqual([null]);
      await one.delete("/n", second);
      expect(await one.get("/n")).toBeNull();
      expect(await one.children("/none")).toBeNull();
    });

    test("a transaction happens as a whole, in its order, or not at all", async () => {
      const [one] = await twoStores(name);
      const revision = await one.put("/guard", bytesOf(""));
      const results = await one.transact([
        { kind: "check", path: "/guard", revision },
        { kind: "put", path: "/x/y", value: bytesOf("1"), expect: "absent" },
        { kind: "put", path: "/x/y", value: bytesOf("2") },
        { kind: "put", path: "/x/z", value: bytesOf("3") },
        { kind: "delete", path: "/x/z" },
        { kind: "delete", path: "/nowhere/at/all" },
        { kind: "delete", path: "/guard", expect: revision },
        { kind: "put", path: "/guard", value: bytesOf("new") },
      ]);
      expect(results.map((result) => typeof result)).toEqual([
        "object",
        "number",
        "number",
        "number",
        "object",
        "object",
        "object",
        "number",
      ]);
      expect(textOf((await one.get("/x/y"))?.value)).toBe("2");
      expect((await one.get("/x/y"))?.revision).toBe(results[2]!);
      expect(await one.children("/x")).toEqual(["y"]);
      expect(textOf((await one.get("/guard"))?.value)).toBe("new");
      const error = await refusal(
        one.transact([
          { kind: "put", path: "/q/r", value: bytesOf("1") },
          { kind: "delete", path: "/x/y" },
          { kind: "put", path: "/x/y", value: bytesOf(""), expect: 12_345 },
          { kind: "put", path: "/after", value: bytesOf("") },
        ]),
      );
      expect(error).toMatchObject({ name: "StoreConflict", path: "/x/y", expected: 12_345 });
      expect(await one.children("/")).toEqual(["guard", "x"]);
      expect(textOf((await one.get("/x/y"))?.value)).toBe("2");
      expect(await refusal(one.delete("/x"))).toMatchObject({ path: "/x", expected: "without children" });
      await one.transact([
        { kind: "delete", path: "/x/y" },
        { kind: "delete", path: "/x" },
      ]);
      expect(await one.children("/")).toEqual(["guard"]);
    });

    test("a transaction of two hundred nodes, new ones and old ones, each below a parent of its own", async () => {
      const [one, other] = await twoStores(name);
      await one.put("/bulk/7/node", bytesOf("old"));
      const puts = Array.from({ length: 200 }, (_, number): StoreOperation => ({
        kind: "put",
        path: `/bulk/${number}/node`,
        value: bytesOf(String(number)),
      }));
      const revisions = await one.transact([...puts, { kind: "delete", path: "/bulk/none" }]);
      expect(revisions.filter((revision) => revision !== null).length).toBe(200);
      await other.sync();
      expect((await other.children("/bulk"))?.length).toBe(200);
      expect(textOf((await other.get("/bulk/7/node"))?.value)).toBe("7");
    });

    test("of many writers with one expectation exactly one wins, and counting loses nothing", async () => {
      const [one, other] = await twoStores(name);
      const race = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? one : other).put("/race/to", bytesOf(String(index)), "absent"),
        ),
      );
      expect(race.filter(({ status }) => status === "fulfilled").length).toBe(1);
      const adds = async (store: Store) => {
        for (let done = 0; done < 25;) {
          await store.sync();
          const found = await store.get("/count");
          const next = bytesOf(String(Number(textOf(found?.value) || 0) + 1));
          try {
            await store.put("/count", next, found?.revision ?? "absent");
            done++;
          } catch (error) {
            if (!(error instanceof StoreConflict)) throw error;
          }
        }
      };
      await Promise.all([adds(one), adds(one), adds(other), adds(other)]);
      await one.sync();
      expect(textOf((await one.get("/count"))?.value)).toBe("100");
    });

    test("any transactions have the same result as on a plain map", async () => {
      const [one] = await twoStores(name);
      let round = 0;
      const paths = fc.constantFrom("/a", "/a/b", "/a/b/c", "/d");
      const someOperations = fc.array(
        fc.record({ kind: fc.constantFrom("put", "put", "delete"), path: paths, guarded: fc.boolean() }),
        { minLength: 1, maxLength: 6 },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(someOperations, { maxLength: 6 }), async (transactions) => {
          const root = `/r${++round}`;
          await one.put(root, bytesOf(""));
          const model = new Set<string>();
          for (const operations of transactions) {
            const listed = operations.map(({ kind, path, guarded }): StoreOperation =>
              kind === "put"
                ? {
                    kind,
                    path: root + path,
                    value: bytesOf(path),
                    ...(guarded ? ({ expect: "absent" } as const) : {}),
                  }
                : { kind: "delete", path: root + path },
            );
            const expected = applied(model, operations);
            const attempt = await one.transact(listed).then(
              () => true,
              (error: unknown) => {
                expect(error).toBeInstanceOf(StoreConflict);
                return false;
              },
            );
            expect(attempt).toBe(expected !== null);
            if (expected !== null) {
              model.clear();
              for (const path of expected) model.add(path);
            }
            for (const path of ["/a", "/a/b", "/a/b/c", "/d"])
              expect([path, (await one.get(root + path)) !== null]).toEqual([path, model.has(path)]);
          }
        }),
        { numRuns: 30, seed: 7 },
      );
    });

    test("paths that are none and values that are too large are refused before anything happens", async () => {
      const [one] = await twoStores(name);
      for (const path of ["", "/", "a", "/a/", "//a", "/a/../b", "/a/.", "/a\0b", `/${"x".repeat(4_096)}`]) {
        expect(await refusal(one.get(path))).toBeInstanceOf(RangeError);
        expect(await refusal(one.put(path, bytesOf("")))).toBeInstanceOf(RangeError);
      }
      expect(await refusal(one.transact([]))).toBeInstanceOf(RangeError);
      const error = await refusal(one.put("/large", new Uint8Array(one.max_value_bytes + 1)));
      expect(error).toBeInstanceOf(StoreRefused);
      expect(String(error)).toContain(String(one.max_value_bytes));
      expect(one.state.kind).toBe("connected");
      const largest = crypto.getRandomValues(new Uint8Array(65_536));
      const whole = new Uint8Array(one.max_value_bytes).fill(7);
      whole.set(largest);
      await one.put("/large", whole);
      expect(Bun.deepEquals((await one.get("/large"))?.value, whole)).toBe(true);
    });

    test("a watch tells what anybody changes at and below its prefix, and nothing else, within a second", async () => {
      const [one, other] = await twoStores(name);
      const [log, elsewhere, all] = [new WatchLog(), new WatchLog(), new WatchLog()];
      const watch = await one.watch("/w", log);
      await one.watch("/w2", elsewhere);
      await one.watch("/", all);
      const start = performance.now();
      await other.put("/w/a/b", bytesOf("1"));
      await eventually("told of a new node", () => log.paths.includes("/w/a/b"), 1_000);
      expect(performance.now() - start).toBeLessThan(1_000);
      expect(log.paths).toContain("/w");
      log.paths.length = 0;
      await other.put("/w/a/b", bytesOf("2"));
      await eventually("told of a new value", () => log.paths.includes("/w/a/b"), 1_000);
      log.paths.length = 0;
      await one.delete("/w/a/b");
      await eventually("told of what this program deletes", () => log.paths.includes("/w/a/b"), 1_000);
      await other.put("/x", bytesOf(""));
      await eventually("told of everything", () => all.paths.includes("/x"), 1_000);
      expect(log.paths).not.toContain("/x");
      expect(elsewhere.paths).toEqual([]);
      watch.close();
      log.paths.length = 0;
      await other.put("/w/a/c", bytesOf(""));
      await eventually("told of everything", () => all.paths.includes("/w/a/c"), 1_000);
      expect(log.paths).toEqual([]);
      expect(log.relists).toBe(0);
    });

    test("a listener that throws keeps nobody from hearing", async () => {
      const [one] = await twoStores(name);
      const log = new WatchLog();
      const reported: unknown[] = [];
      const before = globalThis.reportError;
      globalThis.reportError = (error: unknown) => void reported.push(error);
      try {
        const broken = (): never => {
          throw new Error("a fault of the listener");
        };
        await one.watch("/t", { changed: broken, relist: broken });
        await one.watch("/t", log);
        await one.put("/t/a", bytesOf(""));
        await eventually("the second is told", () => log.paths.includes("/t/a"));
        expect(String(reported[0])).toContain("a fault of the listener");
      } finally {
        globalThis.reportError = before;
      }
    });

    test("a registration stands until it or its store is closed, and takes the place of another one", async () => {
      const [one, other] = await twoStores(name);
      const third = await opened(name, `/test-${count}`);
      const log = new WatchLog();
      await other.watch("/services", log);
      const first = await one.register("/services/s1", bytesOf("a"));
      const second = await one.register("/services/s2", bytesOf("b"));
      expect([first.held, first.path]).toEqual([true, "/services/s1"]);
      await eventually("told of both", () => log.paths.includes("/services/s2"));
      await other.sync();
      expect(await other.children("/services")).toEqual(["s1", "s2"]);
      await first.close();
      await first.close();
      await other.sync();
      expect(await other.children("/services")).toEqual(["s2"]);
      await third.register("/services/s2", bytesOf("c"));
      await other.sync();
      expect(textOf((await other.get("/services/s2"))?.value)).toBe("c");
      await second.close();
      await one.close();
      await other.sync();
      expect(textOf((await other.get("/services/s2"))?.value)).toBe("c");
      await third.close();
      await eventually("gone with its store", async () => {
        await other.sync();
        return (await other.children("/services"))?.length === 0;
      });
      await other.put("/services/document", bytesOf("d"));
      expect(await refusal(other.register("/services/document", bytesOf("")))).toBeInstanceOf(StoreConflict);
      await other.register("/services/s4", bytesOf(""));
      expect(await refusal(other.put("/services/s4/below", bytesOf("")))).toBeInstanceOf(StoreRefused);
    });

    test("RD143 two environments with different bases in one store do not see each other", async () => {
      const [one, other] = [await opened(name, `/env-${++count}`), await opened(name, `/env-${count}x`)];
      const log = new WatchLog();
      await other.watch("/", log);
      await other.put("/own", bytesOf("mark"));
      await one.put("/apps/a1/model", bytesOf("1"), "absent");
      await other.put("/apps/a1/model", bytesOf("2"), "absent");
      await one.register("/locks/a", bytesOf("one"));
      await other.register("/locks/a", bytesOf("other"));
      const revision = await one.put("/apps/a1/model", bytesOf("3"));
      expect(textOf((await other.get("/apps/a1/model"))?.value)).toBe("2");
      await one.delete("/apps/a1/model", revision);
      expect(textOf((await one.get("/locks/a"))?.value)).toBe("one");
      await eventually("its own are told", () => log.paths.includes("/locks/a"));
      const own = new Set(["/", "/own", "/apps", "/apps/a1", "/apps/a1/model", "/locks", "/locks/a"]);
      expect(log.paths.filter((path) => !own.has(path))).toEqual([]);
      expect(log.paths.filter((path) => path === "/apps/a1/model").length).toBe(1);
      expect(await other.children("/")).toEqual(["apps", "locks", "own"]);
    });

    test("a closed store refuses at once, and closing twice is good", async () => {
      const [one] = await twoStores(name);
      const states: string[] = [];
      one.onState(({ kind }) => states.push(kind));
      await one.close();
      await one.close();
      expect(one.state.kind).toBe("closed");
      expect(states).toEqual(["closed"]);
      for (const attempt of [
        () => one.get("/a"),
        () => one.put("/a", bytesOf("")),
        () => one.whenConnected(1_000),
      ])
        expect(await refusal(attempt())).toBeInstanceOf(StoreUnavailable);
    });

    test("RD153 a document of 64 MiB is written in parts and switched as a whole; no reader sees half", async () => {
      const [one, other] = await twoStores(name);
      const [writer, reader] = [one, other].map((store) => new LargeDocuments(store, 64 * MiB));
      const versions = [1, 2].map((fill) => pattern(64 * MiB, fill));
      const first = await writer!.write("/model", versions[0]!, "absent");
      expect((await one.get("/model/head"))!.value.length).toBeLessThan(1_000);
      const parts = await one.children(`/model/parts/${(await one.children("/model/parts"))![0]}`);
      expect(parts!.length).toBe(128);
      let done = false;
      const second = writer!.write("/model", versions[1]!, first).finally(() => (done = true));
      const seen = new Set<number>();
      for (let reads = 0; reads < 50; reads++) {
        const last = done;
        await other.sync();
        const found = (await reader!.read("/model"))!;
        const which = found.value[0]! - 1;
        seen.add(which);
        expect(Bun.deepEquals(found.value, versions[which])).toBe(true);
        if (last) break;
      }
      expect(await second).not.toBe(first);
      expect(seen.has(1)).toBe(true);
      await writer!.remove("/model");
      expect(await writer!.read("/model")).toBeNull();
      expect(await one.children("/model/parts")).toEqual([]);
    }, 60_000);

    test("a document above the limit is refused with size and limit, and the old one stays", async () => {
      const [one] = await twoStores(name);
      const documents = new LargeDocuments(one, 3 * MiB);
      await documents.write("/d", pattern(1_000, 1));
      const tooLarge = { name: "DocumentTooLarge", size: 3 * MiB + 1, limit: 3 * MiB };
      expect(await refusal(documents.write("/d", pattern(3 * MiB + 1, 2)))).toMatchObject(tooLarge);
      let asked = 0;
      async function* endless() {
        for (;;) {
          asked++;
          yield pattern(MiB, 3);
        }
      }
      const error = await refusal(documents.write("/d", endless()));
      expect(error).toBeInstanceOf(DocumentTooLarge);
      expect(String(error)).toContain("at least");
      expect(asked).toBe(4);
      expect((await one.children("/d/parts"))!.length).toBe(1);
      expect((await documents.read("/d"))!.value).toEqual(pattern(1_000, 1));
      const smaller = new LargeDocuments(one, 999);
      expect(await refusal(smaller.read("/d"))).toMatchObject({ size: 1_000, limit: 999 });
    });

    test("large documents: conflicts, empty ones, dead writers, readers of what is replaced", async () => {
      const [one, other] = await twoStores(name);
      const documents = new LargeDocuments(one);
      const empty = await documents.write("/e", new Uint8Array(0));
      expect(await documents.read("/e")).toEqual({ value: new Uint8Array(0), revision: empty });
      expect(await documents.revision("/e")).toBe(empty);
      expect(await refusal(documents.write("/e", pattern(1, 1), "absent"))).toMatchObject({
        name: "StoreConflict",
        path: "/e",
      });
      const race = await Promise.allSettled([
        documents.write("/e", pattern(2 * MiB, 1), empty),
        new LargeDocuments(other).write("/e", pattern(2 * MiB, 2), empty),
      ]);
      expect(race.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      await one.sync();
      expect((await documents.read("/e"))!.value.length).toBe(2 * MiB);
      // A writer that died: parts that no head names.
      await one.put("/e/parts/dead/00000000", pattern(10, 1));
      await documents.write("/e", pattern(2 * MiB, 3));
      expect(await one.children("/e/parts")).not.toContain("dead");
      expect((await one.children("/e/parts"))!.length).toBe(2);
      const stream = (await documents.stream("/e"))!;
      const parts = stream.parts[Symbol.asyncIterator]();
      await parts.next();
      await documents.write("/e", pattern(2 * MiB, 4));
      let rest = 0;
      for (let part = await parts.next(); part.done !== true; part = await parts.next()) {
        expect(part.value[part.value.length - 1]).toBe(3);
        rest++;
      }
      expect(rest).toBe(3);
      // Damage is told.
      const generation = (JSON.parse(textOf((await one.get("/e/head"))!.value)) as { generation: string })
        .generation;
      await one.put(`/e/parts/${generation}/${partName(1)}`, pattern(524_288, 9));
      expect(String(await refusal(documents.read("/e")))).toContain("damaged");
      await one.delete(`/e/parts/${generation}/${partName(0)}`);
      expect(String(await refusal(documents.read("/e")))).toContain("missing");
    });
  });
}

/** Bytes that begin with `fill` and tell their places. */
function pattern(size: number, fill: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(fill);
  for (let at = 4_096; at < size - 1; at += 65_537) bytes[at] = (at >> 8) & 255;
  return bytes;
}

/** What a transaction makes of a set of nodes; null when it conflicts. */
function applied(
  nodes: ReadonlySet<string>,
  operations: readonly { kind: string; path: string; guarded: boolean }[],
): Set<string> | null {
  const after = new Set(nodes);
  for (const { kind, path, guarded } of operations) {
    if (kind === "delete") {
      if ([...after].some((each) => each.startsWith(`${path}/`))) return null;
      after.delete(path);
    } else {
      if (guarded && after.has(path)) return null;
      for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1))
        after.add(path.slice(0, end));
      after.add(path);
    }
  }
  return after;
}
