/** The management service as people and old gateways see it: beside a gateway, and as a program of its own. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import type { Store } from "../../src/store/contract.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";
import { startControl } from "./redirect_control.ts";

const PATIENCE = 60_000;
const token = (name: string): string => `${name}-${"x".repeat(32)}`;

const SERVICE = `
  service:
    address: "127.0.0.1:0"
    anonymous: { roles: [viewer] }
    tokens:
      - { name: ann, token: "${token("ann")}", roles: [editor] }
      - { name: bob, token: "${token("bob")}", roles: [approver] }
      - { name: root, token: "${token("root")}", roles: [admin] }
`;

interface Answer {
  readonly status: number;
  readonly text: string;
  json(): Record<string, unknown>;
}

/** Asks a service at `base`; "" = without credentials. */
async function call(
  base: string,
  who: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (who !== "") headers["authorization"] = `Bearer ${token(who)}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const init = { method, headers, redirect: "manual" as const };
  const answer = await fetch(
    `${base}${path}`,
    body === undefined ? init : { ...init, body: JSON.stringify(body) },
  );
  const text = await answer.text();
  return { status: answer.status, text, json: () => JSON.parse(text) as Record<string, unknown> };
}

const TEMPLATE = "{protocol}://{host}:{port}/{urn}";
const SAVES: readonly [string, unknown][] = [
  ["/whitelist/a1", { paths: ["/EU/z1"] }],
  ["/servers/a1/default", { name: "default", url: TEMPLATE, path: "1.0" }],
  [
    "/urlRules/a1/urlParams/default",
    { urlRule: { urn: "app", protocol: "http", port: "8080", ipProtocolVersion: "4" } },
  ],
];

/** Edits by one, approved by the other. */
async function makeModel(base: string): Promise<void> {
  for (const [path, body] of SAVES) {
    // A host that has just been registered is not known to the service yet.
    const isSaved = async () => (await call(base, "ann", "POST", path, body)).status === 201;
    await until(isSaved, `${path} is saved`);
  }
  const { version } = (await call(base, "bob", "GET", "/changes/a1")).json();
  const approved = await call(base, "bob", "POST", `/changes/a1/approve/${String(version)}`);
  if (approved.status !== 200) throw new Error(`${approved.status} ${approved.text}`);
}

async function decision(fairlead: RunningFairlead): Promise<string | null> {
  const url = `http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1`;
  return (await fetch(url, { redirect: "manual" })).headers.get("location");
}

function storeOf(directory: string): Store {
  return openStore("sqlite", {}, storeEnvironment(directory));
}

test(
  "RD113 an approved model acts within 2 s in all gateways, each of which tells that it has it",
  async () => {
    await using fairlead = await runFairlead(`workers: 2\nredirect:\n  address: "127.0.0.1:0"${SERVICE}`);
    const store = storeOf(join(fairlead.directory, "state"));
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    const base = `http://${fairlead.admin}/admin/redirect`;
    await makeModel(base);
    const start = performance.now();
    await until(async () => (await decision(fairlead)) !== null, "the model acts");
    expect(await decision(fairlead)).toBe("http://10.0.0.1:8080/app");
    await until(
      async () => (await call(base, "bob", "GET", "/gateways")).json()["is_converged"] === true,
      "the gateway tells of the model",
    );
    expect(performance.now() - start).toBeLessThan(2_000);
    const told = (await call(base, "bob", "GET", "/gateways")).json();
    expect(told).toMatchObject({ gateways: [{ apps: { a1: 1 } }], approved: { a1: 1 } });
    expect((await call(base, "", "POST", "/rules/a1/beta", {})).status).toBe(403);
    await store.close();
  },
  PATIENCE,
);

test(
  "RD152 the service stands alone where old clients look for it, and a gateway beside it follows",
  async () => {
    await using fairlead = await runFairlead(`workers: 1\nredirect:\n  address: "127.0.0.1:0"${SERVICE}`);
    await using control = await startControl(fairlead);
    const base = `${control.origin}/redirectorWebService/data`;
    const store = storeOf(join(fairlead.directory, "state"));
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await makeModel(base);
    await until(async () => (await decision(fairlead)) !== null, "the model acts");
    expect(await call(base, "", "GET", "/healthCheck")).toMatchObject({ status: 200, text: "OK" });
    control.program.child.kill("SIGTERM");
    expect(await control.program.child.exited).toBe(0);
    expect(await decision(fairlead)).toBe("http://10.0.0.1:8080/app");
    // The host goes with its store.
    await store.close();
  },
  PATIENCE,
);

/** What a gateway of the original asks at its start and then again and again, without credentials. */
async function gatewayRequests(
  base: string,
  version: number,
  lists: number,
): Promise<Record<string, number>> {
  const polls = [
    "/redirectorService/getAllRegisteredApps",
    "/redirectorInitModel/validModelExists/a1",
    "/modelReload/getVersion/a1",
    "/stacksReload/getVersion/a1",
    "/namespacedLists/getVersion/",
    "/stacks/getVersion/",
  ];
  const models = ["/rules/a1", "/distributions/a1", "/servers/a1/default", "/whitelist/a1", "/urlRules/a1"];
  const paths = [
    ...polls,
    ...[...models, "/urlRules/a1/defaultUrlParams"].map((path) => `${path}?version=${version}`),
    `/namespacedLists/getAllNamespacedLists?version=${lists}`,
  ];
  const answers = paths.map(async (path) => [path, (await call(base, "", "GET", path)).status] as const);
  return Object.fromEntries(await Promise.all(answers));
}

test(
  "RD158 a gateway of the original finds what it polls and reads, and 409 for another version",
  async () => {
    await using fairlead = await runFairlead(`workers: 1\nredirect:\n  address: "127.0.0.1:0"${SERVICE}`);
    const { address } = await fairlead.program.until("redirect_service_listening");
    const base = `http://${String(address)}/redirectorWebService/data`;
    const store = storeOf(join(fairlead.directory, "state"));
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await makeModel(base);
    expect(await call(base, "", "GET", "/modelReload/getVersion/a1")).toMatchObject({ text: "1" });
    expect((await call(base, "", "GET", "/redirectorService/getAllRegisteredApps")).json()).toMatchObject({
      appNames: ["a1"],
    });
    expect(await call(base, "", "GET", "/redirectorInitModel/validModelExists/a1")).toMatchObject({
      text: "true",
    });
    const found = await gatewayRequests(base, 1, 0);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((path) => [path, 200])));
    const others = Object.entries(await gatewayRequests(base, 0, 7)).filter(([path]) => path.includes("?"));
    expect(others.map(([, status]) => status)).toEqual(others.map(() => 409));
    // Whoever only reads changes nothing.
    expect((await call(base, "", "POST", "/modelReload/a1")).status).toBe(403);
    await store.close();
  },
  PATIENCE,
);

test(
  "RD169 gateway and service in two processes over SQLite: an approval is seen within 2 s, and the check says what SQLite cannot do",
  async () => {
    await using fairlead = await runFairlead(`workers: 1\nredirect:\n  address: "127.0.0.1:0"${SERVICE}`);
    await using control = await startControl(fairlead);
    const base = `${control.origin}/admin/redirect`;
    const store = storeOf(join(fairlead.directory, "state"));
    await registerHost(store, "/EU/z1/1.0/a1", "10.0.0.1");
    await makeModel(base);
    await until(async () => (await decision(fairlead)) !== null, "the first model acts");
    const parameters = {
      urlRule: { urn: "other", protocol: "http", port: "8080", ipProtocolVersion: "4" },
    };
    await call(base, "ann", "POST", "/urlRules/a1/urlParams/default", parameters);
    const { version } = (await call(base, "bob", "GET", "/changes/a1")).json();
    expect((await call(base, "bob", "POST", `/changes/a1/approve/${String(version)}`)).status).toBe(200);
    const start = performance.now();
    await until(async () => (await decision(fairlead))?.endsWith("/other") === true, "the change acts");
    expect(performance.now() - start).toBeLessThan(2_000);
    await store.close();
    fairlead.write(`redirect:\n  service: { address: "192.0.2.1:10540" }\n`);
    const checked = await fairlead.command("check", "-c", fairlead.file);
    expect(checked.out + checked.error).toContain("need the store zookeeper");
  },
  PATIENCE,
);
