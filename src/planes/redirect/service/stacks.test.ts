/** Stacks, hosts, comments on stacks, and which applications and gateways there are. */
import { afterEach, expect, test } from "bun:test";
import type { StoreOperation } from "../../../store/contract.ts";
import { StoreUnavailable } from "../../../store/errors.ts";
import { ROOT as STORE_ROOT } from "../models/stored.ts";
import { ANN, ROOT, started, withModel } from "./test_app.ts";
import { stack, type TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

const AUDIT_HEAD = `${STORE_ROOT}/audit/head`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Flavor 1.0 on z1 (two hosts) and on z2, 2.0 on z2; z1 is whitelisted. */
async function ready(): Promise<TestService> {
  const service = started(open, {
    stacks: {
      a1: [
        stack("/EU/z1", "1.0", "10.0.0.1", "10.0.0.2"),
        stack("/EU/z2", "1.0", "10.0.1.1"),
        stack("/EU/z2", "2.0", "10.0.2.1"),
      ],
    },
  });
  await withModel(service);
  return service;
}

test("stacks and flavors are counted, also those without hosts that stand in the store", async () => {
  const service = await ready();
  await service.store.put("/services/EU/z1/0.9/a1", bytes(""));
  const paths = {
    serviceName: "a1",
    stack: [
      { value: "/EU/z1/0.9", nodes: 0, nodesWhitelisted: 0 },
      { value: "/EU/z1/1.0", nodes: 2, nodesWhitelisted: 2 },
      { value: "/EU/z2/1.0", nodes: 1, nodesWhitelisted: 0 },
      { value: "/EU/z2/2.0", nodes: 1, nodesWhitelisted: 0 },
    ],
    flavor: [
      { value: "0.9", nodes: 0, nodesWhitelisted: 0 },
      { value: "1.0", nodes: 3, nodesWhitelisted: 2 },
      { value: "2.0", nodes: 1, nodesWhitelisted: 0 },
    ],
  };
  for (const target of ["/stacks", "/stacks/a1/"])
    expect((await service.ask(ANN, "GET", target)).json()).toEqual({ paths: [paths] } as never);
  const file = await service.ask(ANN, "GET", "/stacks/a1/export", { accept: "application/xml" });
  expect(file.fields).toContain("Content-Disposition: attachment; filename=exportedStacks-forService-a1.xml");
  expect(file.text).toContain('<stack nodes="2" nodesWhitelisted="2">/EU/z1/1.0</stack>');
  expect((await service.ask(ROOT, "GET", "/stacks/nobody/")).status).toBe(404);
});

test("addresses of a stack, of a flavor and of both, and one of them", async () => {
  const service = await ready();
  const addresses = async (query: string) => {
    const answer = await service.ask(ANN, "GET", `/stacks/a1/addresses?${query}`);
    return (answer.json()["host"] as unknown as { ipV4Address: string }[]).map((host) => host.ipV4Address);
  };
  expect(await addresses("stackName=/EU/z2")).toEqual(["10.0.1.1", "10.0.2.1"]);
  expect(await addresses("flavorName=1.0")).toEqual(["10.0.0.1", "10.0.0.2", "10.0.1.1"]);
  expect(await addresses("stackName=%2FEU%2Fz2&flavorName=2.0")).toEqual(["10.0.2.1"]);
  expect(await addresses("stackName=/EU/z2/1.0")).toEqual(["10.0.1.1"]);
  expect(await addresses("flavorName=9")).toEqual([]);
  expect((await service.ask(ANN, "GET", "/stacks/a1/addresses")).status).toBe(400);
  const one = await service.ask(ANN, "GET", "/stacks/a1/addresses/random?flavorName=2.0");
  expect(one.text).toBe('{"ipV4Address":"10.0.2.1","ipV6Address":null,"weight":"5"}');
  const xml = { accept: "application/xml" };
  const hosts = (await service.ask(ANN, "GET", "/stacks/a1/addresses?flavorName=2.0", xml)).text;
  expect(hosts).toContain("<ipV4Address>10.0.2.1</ipV4Address>");
  expect(hosts).not.toContain("ipV6Address");
  expect((await service.ask(ANN, "GET", "/stacks/a1/addresses/random?flavorName=9")).status).toBe(404);
});

test("deleteStacks takes stacks without hosts away, with what is empty above them, and no others", async () => {
  const service = await ready();
  await service.store.put("/services/EU/z1/0.9/a1", bytes(""));
  await service.store.put("/services/US/z1/0.8/a1", bytes(""));
  await service.store.put("/services/EU/z1/1.0/a1/10.0.0.1:80", bytes("{}"));
  const remove = (who: string, ...paths: readonly string[]) => {
    const stacks = paths.map((value) => ({ value }));
    return service.ask(who, "PUT", "/stacks/deleteStacks", {
      body: { paths: [{ serviceName: "a1", stack: stacks }] },
    });
  };
  expect((await remove(ANN, "/EU/z1/0.9")).status).toBe(403);
  const unknown = await remove(ROOT, "/EU/z1/0.9", "/EU/z7/1.0");
  expect(unknown.status).toBe(400);
  expect(unknown.text).toContain("/EU/z7/1.0/a1");
  expect(unknown.text).not.toContain("0.9");
  const used = await remove(ROOT, "/EU/z1/0.9", "/EU/z1/1.0");
  expect(used.status).toBe(409);
  expect(used.text).toContain("/EU/z1/1.0/a1");
  expect(await service.store.get("/services/EU/z1/0.9/a1")).not.toBeNull();
  const deleted = await remove(ROOT, "/EU/z1/0.9", "/US/z1/0.8");
  expect(deleted.json()).toEqual({ deleted: ["/EU/z1/0.9/a1", "/US/z1/0.8/a1"] } as never);
  expect(await service.store.children("/services/EU/z1")).toEqual(["1.0"]);
  expect(await service.store.children("/services")).toEqual(["EU"]);
  expect((await service.ask(ROOT, "GET", "/audit")).text).toContain("delete stacks");
});

test("a stack whose hosts are only kept for their grace is not deleted", async () => {
  const service = await ready();
  // The hosts of z2 went with their session: the store has none of them any more.
  await service.store.put("/services/EU/z2/2.0/a1", bytes(""));
  const body = { paths: [{ serviceName: "a1", stack: [{ value: "/EU/z2/2.0" }] }] };
  expect((await service.ask(ROOT, "PUT", "/stacks/deleteStacks", { body })).status).toBe(409);
  expect(await service.store.get("/services/EU/z2/2.0/a1")).not.toBeNull();
});

test("a host that registers while its stack is deleted keeps it", async () => {
  const service = await ready();
  const node = "/services/EU/z1/0.9/a1";
  await service.store.put(node, bytes(""));
  let looks = 0;
  const late = new Proxy(service.store, {
    get(store, key) {
      const value: unknown = Reflect.get(store, key, store);
      if (typeof value !== "function") return value;
      if (key !== "children") return value.bind(store) as unknown;
      return async (path: string) => {
        const names = await store.children(path);
        // The look right before the deletion finds no host, and then there is one.
        if (path === node && ++looks === 2) await store.put(`${node}/10.0.0.9:80`, bytes("{}"));
        return names;
      };
    },
  });
  const other = started(open, { store: late, stacks: Object.fromEntries(service.stacks) });
  const body = { paths: [{ serviceName: "a1", stack: [{ value: "/EU/z1/0.9" }] }] };
  const answer = await other.ask(ROOT, "PUT", "/stacks/deleteStacks", { body });
  expect(looks).toBe(3);
  expect(answer.status).toBe(409);
  expect(await service.store.children(node)).toEqual(["10.0.0.9:80"]);
});

test("no stack is deleted without its entry in the audit log", async () => {
  const service = await ready();
  const nodes = ["0.8", "0.9"].map((flavor) => `/EU/z1/${flavor}/a1`);
  for (const node of nodes) await service.store.put(`/services${node}`, bytes(""));
  const written = new Proxy(service.store, {
    get(store, key) {
      const value: unknown = Reflect.get(store, key, store);
      if (typeof value !== "function") return value;
      if (key !== "transact") return value.bind(store) as unknown;
      return (operations: readonly StoreOperation[]) =>
        operations.some(({ path }) => path === AUDIT_HEAD && isLost)
          ? Promise.reject(new StoreUnavailable("lost for the test"))
          : store.transact(operations);
    },
  });
  let isLost = true;
  const other = started(open, { store: written, stacks: Object.fromEntries(service.stacks) });
  const stacks = ["/EU/z1/0.8", "/EU/z1/0.9"].map((value) => ({ value }));
  const request = { body: { paths: [{ serviceName: "a1", stack: stacks }] } };
  const remove = () => other.ask(ROOT, "PUT", "/stacks/deleteStacks?reason=old", request);
  expect((await remove()).status).toBe(503);
  for (const node of nodes) expect(await service.store.get(`/services${node}`)).not.toBeNull();
  isLost = false;
  expect((await remove()).json()).toEqual({ deleted: nodes } as never);
  const audit = (await service.ask(ROOT, "GET", "/audit?limit=2")).json();
  expect(audit).toMatchObject({ is_intact: true });
  expect(audit["entries"]).toMatchObject({
    0: { who: "root", action: "delete stacks", subject: nodes[1], reason: "old" },
    1: { who: "root", action: "delete stacks", subject: nodes[0], reason: "old" },
  });
});

test("the version of the stacks grows when one comes or goes, for all who serve the same store", async () => {
  const service = await ready();
  const other = started(open, { store: service.store, stacks: Object.fromEntries(service.stacks) });
  const version = async (which: TestService) =>
    Number((await which.ask(ANN, "GET", "/stacks/getVersion/")).text);
  const first = await version(service);
  expect([await version(service), await version(other)]).toEqual([first, first]);
  const more = [...service.stacks.get("a1")!, stack("/US/z1", "1.0", "10.1.0.1")];
  for (const each of [service, other]) each.stacks.set("a1", more);
  expect([await version(other), await version(service)]).toEqual([first + 1, first + 1]);
});

test("a comment stands on a stack that is known, and is taken away by a blank one", async () => {
  const service = await ready();
  await service.store.put("/services/EU/z5/0.9/a1", bytes(""));
  const read = async (path: string) => service.ask(ANN, "GET", `/stackComments/getOne/a1?path=${path}`);
  const write = (path: string, comment: string) =>
    service.ask(ANN, "POST", `/stackComments/post/a1?path=${path}`, { body: { comment } });
  expect((await read("/EU/z1")).json()).toEqual({ comment: "" } as never);
  for (const path of ["/EU/z1", "/EU/z2/2.0", "/EU/z5", "/EU/z5/0.9"]) {
    expect((await write(path, `on ${path}`)).status, path).toBe(201);
    expect((await read(path)).json()).toEqual({ comment: `on ${path}` } as never);
  }
  for (const path of ["/EU/z7", "/EU", "", "EU/z1"]) {
    expect((await write(path, "x")).status, path).toBe(400);
    expect((await read(path)).status, path).toBe(400);
  }
  expect((await write("/EU/z1", "")).status).toBe(201);
  expect((await read("/EU/z1")).json()).toEqual({ comment: "" } as never);
  expect((await read("/EU/z2/2.0")).json()).toEqual({ comment: "on /EU/z2/2.0" } as never);
  expect((await write("/EU/z1", "x".repeat(4_001))).status).toBe(400);
});

test("applications that are known, and those that are registered", async () => {
  const service = await ready();
  service.stacks.set("a0", []);
  const names = async (target: string) =>
    (await service.ask(ANN, "GET", `/redirectorService/${target}`)).json();
  expect(await names("applicationNames")).toEqual({ version: 0, appNames: ["a0", "a1"] } as never);
  service.stacks.delete("a1");
  expect(await names("getAllRegisteredApps")).toEqual({ version: 0, appNames: ["a0"] } as never);
  expect(await names("applicationNames")).toEqual({ version: 0, appNames: ["a0", "a1"] } as never);
});

test("gateways that are there now, each once, and those of the original", async () => {
  const service = await ready();
  const report = (id: string, at: number, apps: object): Uint8Array =>
    bytes(JSON.stringify({ id, started: 1, at, apps, lists_version: 3 }));
  await service.store.put("/fairlead/gateways/g1.1", report("g1", 10, { a1: 1 }));
  await service.store.put("/fairlead/gateways/g1.2", report("g1", 20, { a1: 2, a2: 7 }));
  await service.store.put("/fairlead/gateways/g2.1", report("g2", 10, { a2: 7 }));
  await service.store.put("/fairlead/gateways/broken", bytes("{"));
  await service.store.put("/Redirector/instances/a1/old-gateway", bytes(""));
  const instances = await service.ask(ANN, "GET", "/redirectorService/a1/instances/");
  expect(instances.json()).toEqual({ instances: ["g1", "old-gateway"] } as never);
  const all = await service.ask("eve:read-gateways,redirector-accessApp-a1", "GET", "/gateways");
  expect(all.json()["gateways"]).toEqual([
    { id: "g1", started: 1, at: 20, apps: { a1: 2 }, lists_version: 3, is_offline: false },
    { id: "g2", started: 1, at: 10, apps: {}, lists_version: 3, is_offline: false },
  ] as never);
});
