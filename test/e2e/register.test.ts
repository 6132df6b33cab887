/** `fairlead register` as a program of its own, on real stores: what stands there while it runs, and what is left when it ends. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../src/store/contract.ts";
import { startZookeeper, type Zookeeper, zookeeperLacking } from "../daemons/zookeeper.ts";
import { PROGRAM } from "../support/program.ts";
import { requirement } from "../support/require.ts";
import { eventually, openStore, storeEnvironment, textOf } from "../support/store_tools.ts";
import { startCuttableProxy } from "../support/zookeeper_proxy.ts";

const PATIENCE = 60_000;
const WAIT_MS = 20_000;
const SESSION_MS = 2_000;
const NODE = "/services/EU/z1/1.0/a1/10.0.0.1:8080";
const HOST = ["--app", "a1", "--stack", "/EU/z1", "--flavor", "1.0", "--address", "10.0.0.1:8080"];
const lacking = requirement("zookeeper", zookeeperLacking());
const directory = mkdtempSync(join(tmpdir(), "fairlead-register-"));
const ends: (() => unknown)[] = [];
let zookeeper: Zookeeper | null = null;
let count = 0;

beforeAll(async () => {
  if (lacking === null) zookeeper = await startZookeeper();
}, PATIENCE);
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
afterAll(async () => {
  await zookeeper?.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Place {
  readonly store: Store;
  /** Arguments that name the store. */
  readonly words: readonly string[];
}

async function placeOf(type: string, connect = zookeeper?.connect ?? ""): Promise<Place> {
  const base = `/register-${++count}`;
  const options = type === "sqlite" ? { directory } : { connect: zookeeper!.connect };
  const store = openStore(type, { ...options, base }, storeEnvironment(directory));
  ends.push(() => store.close());
  await store.whenConnected(10_000);
  const words = type === "sqlite" ? ["--sqlite", directory] : ["--zookeeper", connect];
  return { store, words: [...words, "--base-path", base, "--session-timeout", `${SESSION_MS}ms`] };
}

class Registering {
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  out = "";
  readonly #read: Promise<void>;

  constructor(...args: readonly string[]) {
    this.child = Bun.spawn([...PROGRAM, "register", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#read = this.#follow();
    ends.push(async () => {
      this.child.kill("SIGKILL");
      await this.child.exited;
      await this.#read;
    });
  }

  async #follow(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stdout) this.out += decoder.decode(chunk, { stream: true });
  }

  async end(signal: NodeJS.Signals): Promise<number> {
    this.child.kill(signal);
    await this.child.exited;
    await this.#read;
    return this.child.exitCode ?? -1;
  }
}

const stands = async (store: Store): Promise<boolean> => (await store.get(NODE)) !== null;
const present = (store: Store) => eventually("the host stands in the store", () => stands(store), WAIT_MS);
const gone = (store: Store, limitMs = WAIT_MS) =>
  eventually("the host is gone", async () => !(await stands(store)), limitMs);

for (const type of ["sqlite", "zookeeper"])
  describe.skipIf(type === "zookeeper" && lacking !== null)(type, () => {
    test(
      "RD163 a host stands in the store as the original writes it, and is gone at once after SIGTERM",
      async () => {
        const { store, words } = await placeOf(type);
        const running = new Registering(
          ...HOST,
          ...words,
          "--weight",
          "7",
          "--class",
          "com.example.Other",
          "--json",
        );
        await present(store);
        const instance = JSON.parse(textOf((await store.get(NODE))!.value)) as Record<string, unknown>;
        expect(instance).toEqual({
          name: "a1",
          id: "10.0.0.1:8080",
          address: "10.0.0.1",
          port: 8_080,
          sslPort: null,
          payload: {
            "@class": "com.example.Other",
            workerId: expect.stringMatching(/^[0-9a-f-]{36}$/),
            listenAddress: "10.0.0.1",
            listenPort: 8_080,
            serviceName: "a1",
            parameters: { ipv4Address: "10.0.0.1", weight: "7" },
          },
          registrationTimeUTC: expect.any(Number),
          serviceType: "DYNAMIC",
          uriSpec: null,
        });
        expect(await running.end("SIGTERM")).toBe(0);
        expect(await stands(store)).toBe(false);
        const events = running.out
          .trim()
          .split("\n")
          .map((line) => (JSON.parse(line) as { event: string }).event);
        expect(events.filter((event) => !event.startsWith("store_"))).toEqual(["registered", "unregistered"]);
      },
      PATIENCE,
    );

    test(
      "RD163 a program that is killed leaves its host until the session is over, and no longer",
      async () => {
        const { store, words } = await placeOf(type);
        const running = new Registering(...HOST, ...words);
        await present(store);
        await running.end("SIGKILL");
        expect(await stands(store)).toBe(true);
        await gone(store, 5 * SESSION_MS);
      },
      PATIENCE,
    );

    test(
      "RD163 a check that fails unregisters the host, and one that passes brings it back",
      async () => {
        const { store, words } = await placeOf(type);
        let status = 503;
        const server = Bun.serve({
          port: 0,
          hostname: "127.0.0.1",
          fetch: () => new Response("", { status }),
        });
        ends.push(() => server.stop(true));
        const timing = [
          "--interval",
          "50ms",
          "--timeout",
          "5s",
          "--healthy-after",
          "1",
          "--unhealthy-after",
          "2",
        ];
        const check = ["--check", `http://localhost:${server.port}/healthz`, ...timing];
        const running = new Registering(...HOST, ...words, ...check);
        await eventually(
          "the check has failed",
          () => running.out.includes("unhealthy: status 503"),
          WAIT_MS,
        );
        expect(await stands(store)).toBe(false);
        status = 200;
        await present(store);
        status = 500;
        await gone(store);
        status = 200;
        await present(store);
        expect(await running.end("SIGINT")).toBe(0);
        expect(await stands(store)).toBe(false);
      },
      PATIENCE,
    );
  });

test.skipIf(lacking !== null)(
  "RD163 a host is registered again when its session has ended while the network was away",
  async () => {
    const proxy = await startCuttableProxy(zookeeper!.server.port);
    ends.push(() => proxy.stop());
    const { store, words } = await placeOf("zookeeper", proxy.address);
    const running = new Registering(...HOST, ...words);
    await present(store);
    proxy.hold();
    proxy.cut();
    await gone(store);
    proxy.release();
    await present(store);
    expect(running.out).toContain("the store is away");
    expect(await running.end("SIGTERM")).toBe(0);
    expect(await stands(store)).toBe(false);
  },
  PATIENCE,
);

test(
  "RD163 the store of a configuration is taken, and a node of somebody else is not",
  async () => {
    const file = join(directory, "fairlead.yaml");
    writeFileSync(
      file,
      `redirect: { store: { type: sqlite, directory: ${directory}, base: /configured } }\n`,
    );
    const store = openStore("sqlite", { directory, base: "/configured" }, storeEnvironment(directory));
    ends.push(() => store.close());
    const running = new Registering(...HOST, "-c", file);
    await present(store);
    expect(await running.end("SIGTERM")).toBe(0);
    await store.put(NODE, new Uint8Array(0));
    const refused = new Registering(...HOST, "-c", file);
    await refused.child.exited;
    expect(refused.child.exitCode).toBe(1);
    expect(await refused.child.stderr.text()).toContain(`${NODE} is not as expected (absent)`);
  },
  PATIENCE,
);

test(
  "arguments that make no sense are told in one sentence",
  async () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[], "expected one of -c FILE, --zookeeper HOSTS and --sqlite DIR"],
      [["--sqlite", "/x", "--zookeeper", "h:1"], "expected one of -c FILE"],
      [
        ["--sqlite", "/x", "--app", "a1", "--stack", "EU"],
        '--stack "EU": expected datacenter and zone such as /EU/z1',
      ],
      [
        [...HOST, "--sqlite", "/x", "--weight", "heavy"],
        "--weight heavy: expected a whole number from 0 to 65535",
      ],
      [[...HOST, "--sqlite", "/x", "--check", "ftp://a"], '--check: "ftp://a": expected tcp://host:port'],
      [[...HOST, "--sqlite", "/x", "--interval", "1s"], "--interval: says how --check is done"],
      [[...HOST, "--sqlite", "/x", "--address", "nowhere"], "--address nowhere: expected HOST:PORT"],
    ];
    for (const [args, message] of cases) {
      const child = Bun.spawn([...PROGRAM, "register", ...args], { stdio: ["ignore", "ignore", "pipe"] });
      const error = await child.stderr.text();
      expect([await child.exited, error]).toEqual([2, expect.stringContaining(message)]);
    }
  },
  PATIENCE,
);
