/** What real stores do rarely: they refuse, fail and answer late. */
import { expect, test } from "bun:test";
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { Store, StoreState, WatchListener } from "../../../store/contract.ts";
import { StoreRefused, StoreUnavailable } from "../../../store/errors.ts";
import { childOf, isWithin } from "../../../store/paths.ts";
import { DEFAULT_WATCH, ServiceWatch } from "./service_watch.ts";
import { StackTree } from "./stack_tree.ts";
import { payloadOf } from "./test_services.ts";

/** A store whose nodes and failures a test sets. */
class FakeStore {
  readonly nodes = new Map<string, Uint8Array>();
  /** What a read of this path rejects with. */
  readonly failures = new Map<string, Error>();
  state: StoreState = { kind: "connected" };
  listener: WatchListener | null = null;
  stateListener: (state: StoreState) => void = () => {};
  watchFailure: Error | null = null;
  reads = 0;
  mostReads = 0;
  #reading = 0;

  onState(listener: (state: StoreState) => void): () => void {
    this.stateListener = listener;
    return () => {};
  }

  watch(_prefix: string, listener: WatchListener): Promise<{ close(): void }> {
    if (this.watchFailure !== null) return Promise.reject(this.watchFailure);
    this.listener = listener;
    return Promise.resolve({ close: () => (this.listener = null) });
  }

  get(path: string): Promise<unknown> {
    return this.#read(path, () => {
      const value = this.nodes.get(path);
      return value === undefined ? null : { value, revision: 1 };
    });
  }

  children(path: string): Promise<readonly string[] | null> {
    return this.#read(path, () => {
      const below = [...this.nodes.keys()].filter((node) => node !== path && isWithin(node, path));
      if (below.length === 0 && !this.nodes.has(path)) return null;
      return [...new Set(below.map((node) => node.slice(path.length + 1).split("/")[0]!))].toSorted();
    });
  }

  async #read<Result>(path: string, result: () => Result): Promise<Result> {
    this.reads++;
    this.mostReads = Math.max(this.mostReads, ++this.#reading);
    await Bun.sleep(0);
    this.#reading--;
    const failure = this.failures.get(path);
    if (failure !== undefined) throw failure;
    return result();
  }
}

function watched(nodes: readonly string[], readsAtOnce = 8, watchFailure: Error | null = null) {
  const store = new FakeStore();
  store.watchFailure = watchFailure;
  const put = (path: string): void =>
    void store.nodes.set(
      childOf("/services", path.slice(1)),
      payloadOf(path.slice(path.lastIndexOf("/") + 1)),
    );
  for (const node of nodes) put(node);
  const clock = new ManualClock();
  const tree = new StackTree({ ...DEFAULT_REDIRECT.discovery }, clock);
  const told: string[] = [];
  const watch = new ServiceWatch(
    { ...DEFAULT_WATCH, reads_at_once: readsAtOnce },
    store as unknown as Store,
    clock,
    tree,
    (applications) => told.push(...applications),
  );
  watch.start();
  const hosts = (): number => tree.hostCount;
  /** Lets time pass until all is quiet. */
  const settle = async (ms = 100): Promise<void> => {
    for (let turn = 0; turn < 30; turn++) await Bun.sleep(0);
    clock.advance(ms);
    for (let before = -1; before !== store.reads;) {
      before = store.reads;
      for (let turn = 0; turn < 30; turn++) await Bun.sleep(0);
    }
  };
  return { store, clock, tree, told, watch, put, hosts, settle };
}

const NODES = Array.from({ length: 100 }, (_, index) => `/EU/z${index % 7}/1.0/a1/10.0.0.${index}`);

test("RD72 reads are parallel and bounded, and a change reads only what has changed", async () => {
  const { store, put, hosts, settle, watch } = watched(NODES, 8);
  await settle();
  await watch.whenListed();
  expect([hosts(), store.mostReads, watch.isCurrent]).toEqual([100, 8, true]);
  store.reads = 0;
  put("/EU/z1/1.0/a1/10.0.1.1");
  store.listener!.changed(["/services/EU/z1/1.0/a1/10.0.1.1"]);
  await settle();
  expect([hosts(), store.reads]).toEqual([101, 1]);
});

test("paths of others, and what is below hosts, are not looked at", async () => {
  const { store, settle } = watched(NODES);
  await settle();
  store.reads = 0;
  store.listener!.changed(["/services2/EU", "/other", "/services/EU/z1/1.0/a1/10.0.0.1/below"]);
  await settle();
  expect(store.reads).toBe(0);
});

test("RD71 a node that may not be read is passed over and named, a folder has no hosts", async () => {
  const { store, tree, hosts, settle } = watched(NODES);
  store.failures.set("/services/EU/z1/1.0/a1/10.0.0.1", new StoreRefused("not authorised"));
  store.failures.set("/services/EU/z2", new StoreRefused("not authorised"));
  await settle();
  expect(hosts()).toBe(100 - 1 - NODES.filter((node) => node.startsWith("/EU/z2/")).length);
  expect(tree.skipped.named).toEqual([
    "/EU/z1/1.0/a1/10.0.0.1 was passed over: it cannot be read: not authorised",
  ]);
});

test("a read that fails is repeated, and nothing is lost meanwhile", async () => {
  const { store, put, hosts, settle, watch } = watched(NODES);
  await settle();
  put("/EU/z1/1.0/a1/10.0.1.1");
  store.failures.set("/services/EU/z1/1.0/a1/10.0.1.1", new StoreUnavailable("busy"));
  store.listener!.changed(["/services/EU/z1/1.0/a1/10.0.1.1"]);
  await settle();
  expect([hosts(), watch.isCurrent]).toEqual([100, false]);
  store.failures.clear();
  await settle(DEFAULT_WATCH.retry_ms);
  expect([hosts(), watch.isCurrent]).toEqual([101, true]);
});

test("RD75 a watch that cannot be set is tried again, with the connection or by itself", async () => {
  for (const isAway of [true, false]) {
    const { store, hosts, settle, watch } = watched(NODES, 8, new StoreUnavailable("no connection"));
    await settle();
    expect([hosts(), watch.isCurrent, store.listener]).toEqual([0, false, null]);
    store.watchFailure = null;
    if (isAway) store.stateListener({ kind: "connected" });
    else await settle(DEFAULT_WATCH.retry_ms);
    await settle();
    expect([hosts(), watch.isCurrent]).toEqual([100, true]);
    watch.close();
    expect(store.listener).toBeNull();
  }
});

test("RD155 after an outage all is listed anew, whether or not the store tells to", async () => {
  const { store, hosts, settle, watch, tree, clock } = watched(NODES);
  await settle();
  store.stateListener({ kind: "disconnected", since_ms: 0, reason: "away" });
  expect(watch.isCurrent).toBe(false);
  store.nodes.delete("/services/EU/z1/1.0/a1/10.0.0.1");
  store.stateListener({ kind: "connected" });
  await settle();
  expect([watch.isCurrent, hosts()]).toEqual([true, 100]);
  expect(tree.graces).toMatchObject([{ stack: "/EU/z1/1.0/a1", hosts: 1 }]);
  clock.advance(DEFAULT_REDIRECT.discovery.grace_ms + 500);
  expect(hosts()).toBe(99);
});

test("nothing is read or told after the end", async () => {
  const { store, settle, watch, told } = watched(NODES);
  await settle();
  const { listener } = store;
  told.length = 0;
  listener!.changed(["/services/EU"]);
  watch.close();
  store.nodes.clear();
  store.reads = 0;
  await settle(120_000);
  expect([store.reads, told]).toEqual([0, []]);
});
