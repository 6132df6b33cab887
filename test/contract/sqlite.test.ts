/** What only the SQLite store has: several processes over one file, leases, rights, files that are none. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "bun:sqlite";
import { StoreRefused, StoreUnavailable } from "../../src/store/errors.ts";
import {
  bytesOf,
  eventually,
  openStore,
  refusal,
  storeEnvironment,
  textOf,
  WatchLog,
} from "../support/store_tools.ts";

const root = mkdtempSync(join(tmpdir(), "fairlead-sqlite-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A folder of its own and a store in it. */
function fresh(options: Readonly<Record<string, unknown>> = {}) {
  const directory = join(root, String(++count));
  const open = () =>
    openStore("sqlite", { directory, lease: "600ms", poll: "50ms", ...options }, storeEnvironment(root));
  return { directory, open, store: open() };
}

function second(directory: string, what: string) {
  const program = join(import.meta.dir, "../support/store_process_main.ts");
  return Bun.spawn([process.execPath, program, directory, "", what], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("two processes count together and lose nothing, and their changes are told", async () => {
  const { directory, store } = fresh();
  const log = new WatchLog();
  await store.watch("/", log);
  const children = [second(directory, "count"), second(directory, "count")];
  expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0]);
  expect(textOf((await store.get("/count"))?.value)).toBe("400");
  await eventually("told", () => log.paths.includes("/count"), 1_000);
  await store.close();
}, 30_000);

test("a process that is killed loses its registration with its lease; one that stood still makes it again", async () => {
  const { directory, store } = fresh();
  const child = second(directory, "register");
  try {
    await eventually("it is there", async () => (await store.get("/s/child")) !== null);
    child.kill("SIGSTOP");
    await eventually("taken for dead", async () => (await store.get("/s/child")) === null, 3_000);
    child.kill("SIGCONT");
    await eventually("made again", async () => (await store.get("/s/child")) !== null, 3_000);
    const log = new WatchLog();
    await store.watch("/s", log);
    child.kill("SIGKILL");
    await child.exited;
    await eventually("told that it is gone", () => log.paths.includes("/s/child"), 3_000);
    expect(await store.children("/s")).toEqual([]);
  } finally {
    child.kill("SIGKILL");
  }
  await store.close();
}, 20_000);

test("what owners of an earlier start of the machine have left goes at the next opening", async () => {
  const { directory, store, open } = fresh();
  await store.register("/s/old", bytesOf(""));
  const file = new Database(join(directory, "store.sqlite"));
  file.run("UPDATE owners SET boot = 'another', expires_ms = 9e15");
  file.close();
  const other = open();
  const start = performance.now();
  await eventually("gone", async () => (await other.get("/s/old")) === null, 500);
  expect(performance.now() - start).toBeLessThan(500);
  await eventually("and made again by its living program", async () => (await other.get("/s/old")) !== null);
  await Promise.all([store.close(), other.close()]);
  const last = open();
  expect(await last.children("/s")).toEqual([]);
  await last.close();
});

test("only the owner may read the files", async () => {
  const { directory, store } = fresh();
  await store.put("/a", bytesOf("secret"));
  for (const name of ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"])
    expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
  await store.close();
});

test("a writer that holds the file for long makes others wait without standing still, then fail", async () => {
  const { directory, store } = fresh();
  await store.put("/a", bytesOf("1"));
  const holder = new Database(join(directory, "store.sqlite"));
  holder.run("BEGIN IMMEDIATE");
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const written = store.put("/a", bytesOf("2"));
  await Bun.sleep(300);
  expect(turns).toBeGreaterThan(5);
  expect(textOf((await store.get("/a"))?.value)).toBe("1");
  holder.run("ROLLBACK");
  await written;
  expect(textOf((await store.get("/a"))?.value)).toBe("2");
  holder.run("BEGIN IMMEDIATE");
  expect((await refusal(store.put("/a", bytesOf("3")))).message).toContain("is locked by another program");
  expect(store.state.kind).toBe("connected");
  holder.run("ROLLBACK");
  holder.close();
  clearInterval(timer);
  await store.close();
}, 20_000);

test("who has missed more changes than are kept is told to list", async () => {
  const { directory, open, store } = fresh({ poll: "1s" });
  const log = new WatchLog();
  await store.watch("/", log);
  const file = new Database(join(directory, "store.sqlite"));
  file.run("INSERT INTO changes (sequence, path) VALUES (50000, '/far')");
  file.close();
  await eventually("told to list", () => log.relists === 1, 3_000);
  const other = open();
  await other.put("/near", bytesOf(""));
  await eventually("told of what comes after", () => log.paths.includes("/near"), 3_000);
  expect(log.paths).not.toContain("/far");
  await Promise.all([store.close(), other.close()]);
});

test("a file that is removed under its programs is made anew by all, with their registrations", async () => {
  const { directory, open, store } = fresh();
  const other = open();
  const log = new WatchLog();
  await store.watch("/", log);
  await store.register("/s/me", bytesOf(""));
  await store.put("/a", bytesOf("1"));
  for (const name of ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"]) rmSync(join(directory, name));
  await eventually("told to list", () => log.relists === 1, 3_000);
  await eventually("registered again", async () => (await other.get("/s/me")) !== null, 3_000);
  expect(await store.get("/a")).toBeNull();
  await other.put("/a", bytesOf("2"));
  expect(textOf((await store.get("/a"))?.value)).toBe("2");
  expect(store.state.kind).toBe("connected");
  await Promise.all([store.close(), other.close()]);
});

test("a registration whose place a document has taken meanwhile is made again when that is gone", async () => {
  const { directory, store, open } = fresh();
  const other = open();
  const registration = await store.register("/s/me", bytesOf(""));
  const file = new Database(join(directory, "store.sqlite"));
  file.transaction(() => {
    file.run("DELETE FROM owners");
    file.run("UPDATE nodes SET owner = NULL WHERE path = '/s/me'");
  })();
  file.close();
  await eventually("it is not held", () => !registration.held, 3_000);
  expect(await other.get("/s/me")).not.toBeNull();
  await other.delete("/s/me");
  await eventually("it is held again", () => registration.held, 3_000);
  expect(await other.get("/s/me")).not.toBeNull();
  await store.close();
  expect(await other.get("/s/me")).toBeNull();
  await other.close();
});

test("a registration that could not be removed at once goes with a later beat", async () => {
  const { directory, store } = fresh();
  const registration = await store.register("/s/me", bytesOf(""));
  const other = await store.register("/s/other", bytesOf(""));
  const holder = new Database(join(directory, "store.sqlite"));
  holder.run("BEGIN IMMEDIATE");
  await registration.close();
  holder.run("ROLLBACK");
  holder.close();
  await eventually("gone", async () => (await store.get("/s/me")) === null, 3_000);
  expect([other.held, (await store.children("/s"))!.length]).toEqual([true, 1]);
  await store.close();
}, 20_000);

test("what is no SQLite file is refused, a folder that cannot be is unavailable", () => {
  const directory = join(root, "broken");
  const { store } = fresh();
  void store.close();
  Bun.spawnSync(["mkdir", "-p", directory]);
  writeFileSync(
    join(directory, "store.sqlite"),
    "no database, and long enough to be looked at as a header".repeat(100),
  );
  const openIn = (folder: string) => openStore("sqlite", { directory: folder }, storeEnvironment(root));
  expect(() => openIn(directory)).toThrow(StoreRefused);
  expect(() => openIn(join(directory, "store.sqlite", "below"))).toThrow(StoreUnavailable);
});
