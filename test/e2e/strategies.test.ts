/** What each strategy promises, seen by clients and backends of the real program with one worker and with two. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { strategies } from "../../src/core/strategies/all.ts";
import { RawClient } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";
import { runFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 90_000 };
/** So many connections are taken by both of two workers, but for one start in 8 million. */
const CONNECTIONS = 24;

/** A server on every address of 127.0.0.0/8: backend `n` is 127.0.1.n, and the answer says which one it was. */
let server: Server;
/** Milliseconds that an answer of a backend takes; 0 = none. */
const delays = new Map<string, number>();
/** Requests that are at a backend now, and the most there were. */
const inFlight = new Map<string, { now: number; most: number }>();

beforeAll(async () => {
  server = createServer((request, response) => {
    const backend = `b${request.socket.localAddress!.split(".").at(-1)}`;
    const load = inFlight.get(backend) ?? { now: 0, most: 0 };
    inFlight.set(backend, load);
    load.most = Math.max(load.most, ++load.now);
    const answer = () => {
      load.now--;
      response.end(backend);
    };
    const delay = delays.get(backend) ?? 0;
    if (delay > 0) setTimeout(answer, delay);
    else answer();
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const backendOf = (number: number, weight = 1) =>
  `{ id: b${number}, url: "http://127.0.1.${number}:${(server.address() as AddressInfo).port}", weight: ${weight} }`;

function poolOf(strategy: string, backends: readonly string[], more = ""): string {
  return `pools: { app: { strategy: ${strategy}, backends: [${backends.join(", ")}]${more} } }\nroutes: [{ pool: app }]`;
}

/** A client at an address of 127.0.0.0/8. */
async function clientAt(port: number, localAddress = "127.0.0.1"): Promise<RawClient> {
  const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return new RawClient(socket);
}

const requestFor = (key: string) => `GET / HTTP/1.1\r\nHost: a.example\r\nX-Key: ${key}\r\n\r\n`;

/** Which backend answers each of `keys`, asked over several connections at a time. Throws for another answer than 200. */
async function answered(port: number, keys: readonly string[], connections = CONNECTIONS): Promise<string[]> {
  const backends: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      using client = await clientAt(port);
      for (let at = next++; at < keys.length; at = next++) {
        const answer = await client.ask(requestFor(keys[at]!));
        if (answer.status !== 200) throw new Error(`status ${answer.status} for ${keys[at]}`);
        backends[at] = answer.body.toString();
      }
    }),
  );
  return backends;
}

function countsOf(backends: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const backend of backends) counts[backend] = (counts[backend] ?? 0) + 1;
  return counts;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `key-${index}`);

/** The share of `backend` in 1,200 requests lies within five standard deviations of `expected`. */
function expectShare(counts: Readonly<Record<string, number>>, backend: string, expected: number): void {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const deviation = Math.sqrt(total * expected * (1 - expected));
  expect(Math.abs((counts[backend] ?? 0) - total * expected)).toBeLessThan(5 * deviation);
}

/** A slow backend and a quick one under eight clients: the quick one does most of the work. */
async function expectLessForTheSlow(port: number): Promise<void> {
  delays.set("b1", 60).set("b2", 6);
  try {
    const counts = countsOf(await answered(port, numbered(200), 8));
    expect(counts["b2"]!).toBeGreaterThan(2 * counts["b1"]!);
  } finally {
    delays.clear();
  }
}

/** Each key keeps its backend, over connections and workers; keys spread over all backends. */
async function expectKeysKept(port: number): Promise<void> {
  const keys = numbered(150);
  const once = await answered(port, keys);
  expect(await answered(port, keys)).toEqual(once);
  expect(Object.keys(countsOf(once)).toSorted()).toEqual(["b1", "b2", "b3"]);
}

interface Promised {
  readonly pool: () => string;
  readonly holds: (port: number) => Promise<void>;
}

const even = () => [backendOf(1), backendOf(2), backendOf(3)];

/** By name of the strategy. */
const PROMISES: Readonly<Record<string, Promised>> = {
  round_robin: {
    pool: () => poolOf("round_robin", [backendOf(1, 3), backendOf(2, 2), backendOf(3)]),
    async holds(port) {
      const counts = countsOf(await answered(port, numbered(600)));
      for (const [backend, share] of Object.entries({ b1: 300, b2: 200, b3: 100 }))
        expect(Math.abs(counts[backend]! - share)).toBeLessThanOrEqual(4);
    },
  },
  random: {
    pool: () => poolOf("random", [backendOf(1, 3), backendOf(2)]),
    async holds(port) {
      const backends = await answered(port, numbered(1_200));
      expectShare(countsOf(backends), "b1", 3 / 4);
      // By chance and not in turns: two neighbours are the light backend now and then.
      expect(backends.some((backend, at) => backend === "b2" && backends[at + 1] === "b2")).toBe(true);
    },
  },
  sequential: {
    pool: () => poolOf("sequential", even()),
    async holds(port) {
      expect(countsOf(await answered(port, numbered(100)))).toEqual({ b1: 100 });
    },
  },
  least_connections: {
    pool: () => poolOf("least_connections", [backendOf(1), backendOf(2)]),
    holds: expectLessForTheSlow,
  },
  least_time: {
    pool: () => poolOf("least_time", [backendOf(1), backendOf(2)]),
    // One client at a time: nothing is in flight, so only the times tell the backends apart.
    async holds(port) {
      delays.set("b1", 60);
      try {
        expect(countsOf(await answered(port, numbered(60), 1))["b1"] ?? 0).toBeLessThanOrEqual(1);
        delays.set("b1", 0).set("b2", 500);
        const counts = countsOf(await answered(port, numbered(40), 4));
        // The first four went to the one that was fast; then it is left.
        expect(counts["b2"]!).toBeLessThanOrEqual(8);
      } finally {
        delays.clear();
      }
    },
  },
  power_of_two_choices: {
    pool: () => poolOf("power_of_two_choices", [backendOf(1), backendOf(2)]),
    holds: expectLessForTheSlow,
  },
  ip_hash: {
    pool: () => poolOf("ip_hash", even()),
    async holds(port) {
      const found = new Set<string>();
      for (let host = 1; host <= 24; host++) {
        const answers = new Set<string>();
        // Several connections of one address: both workers see it.
        for (let connection = 0; connection < 6; connection++) {
          using client = await clientAt(port, `127.0.2.${host}`);
          answers.add((await client.ask(requestFor(`${connection}`))).body.toString());
        }
        expect([host, answers.size]).toEqual([host, 1]);
        for (const answer of answers) found.add(answer);
      }
      expect([...found].toSorted()).toEqual(["b1", "b2", "b3"]);
    },
  },
  consistent_hash: {
    pool: () => poolOf("{ name: consistent_hash, load_factor: 0 }", even(), `, hash_on: "header:X-Key"`),
    holds: expectKeysKept,
  },
  rendezvous: {
    pool: () => poolOf("rendezvous", even(), `, hash_on: "header:X-Key"`),
    holds: expectKeysKept,
  },
};

test("every strategy has a promise here", () => {
  expect(Object.keys(PROMISES).toSorted()).toEqual(strategies.map(({ name }) => name).toSorted());
});

describe.each([1, 2])("%p worker(s)", (workers) => {
  test.each(Object.entries(PROMISES))(
    "%s does what it promises",
    async (_name, { pool, holds }) => {
      await using fairlead = await runFairlead(`workers: ${workers}\n${pool()}`);
      expect(fairlead.workers).toHaveLength(workers);
      await holds(fairlead.port());
    },
    PATIENCE.timeout,
  );

  test(
    `H-H1 weights 5:1, 600 requests: 500:100 within 1 %, ${workers} worker(s)`,
    async () => {
      await using fairlead = await runFairlead(
        `workers: ${workers}\n${poolOf("round_robin", [backendOf(1, 5), backendOf(2, 1)])}`,
      );
      const counts = countsOf(await answered(fairlead.port(), numbered(600)));
      expect(Math.abs(counts["b1"]! - 500)).toBeLessThanOrEqual(5);
      expect(counts["b1"]! + counts["b2"]!).toBe(600);
    },
    PATIENCE,
  );

  test(
    `H-H2 one of 10 servers leaves and returns: the keys of that one move, no others, ${workers} worker(s)`,
    async () => {
      const all = Array.from({ length: 10 }, (_, index) => index + 1);
      const config = (numbers: readonly number[]) =>
        `workers: ${workers}\n${poolOf(
          "rendezvous",
          numbers.map((number) => backendOf(number)),
          `, hash_on: "header:X-Key"`,
        )}`;
      await using fairlead = await runFairlead(config(all));
      const keys = numbered(600);
      const before = await answered(fairlead.port(), keys);
      await fairlead.apply(config(all.filter((number) => number !== 4)));
      const without = await answered(fairlead.port(), keys);
      const moved = keys.filter((_, at) => without[at] !== before[at]);
      expect(moved).toEqual(keys.filter((_, at) => before[at] === "b4"));
      // 60 of 600 keys are expected, five standard deviations are 37.
      expect(moved.length).toBeGreaterThan(23);
      expect(moved.length).toBeLessThan(97);
      await fairlead.apply(config(all));
      expect(await answered(fairlead.port(), keys)).toEqual(before);
    },
    PATIENCE,
  );

  test(
    `H-H3 least_connections with one slow server: as many requests in flight there as elsewhere, ${workers} worker(s)`,
    async () => {
      await using fairlead = await runFairlead(`workers: ${workers}\n${poolOf("least_connections", even())}`);
      inFlight.clear();
      delays.set("b1", 400).set("b2", 20).set("b3", 20);
      try {
        const counts = countsOf(await answered(fairlead.port(), numbered(300), CONNECTIONS));
        // Round robin would give the slow one 100 requests, and all 24 clients would wait there.
        expect(counts["b1"]!).toBeLessThan(60);
        const most = (backend: string) => inFlight.get(backend)!.most;
        // A third of 24 clients; two workers that know only their own differ by one each, or have other numbers of clients.
        expect(most("b1")).toBeLessThanOrEqual(8 + 2 * (workers - 1) + 1);
        expect(most("b1")).toBeGreaterThanOrEqual(6);
      } finally {
        delays.clear();
      }
    },
    PATIENCE,
  );

  test(
    `H-H4/h1 weight 0 gets no new traffic, also after a reload that sets it, ${workers} worker(s)`,
    async () => {
      const config = (weight: number) =>
        `workers: ${workers}\n${poolOf("round_robin", [backendOf(1), backendOf(2, weight), backendOf(3)])}`;
      await using fairlead = await runFairlead(config(1));
      expect(Object.keys(countsOf(await answered(fairlead.port(), numbered(60))))).toHaveLength(3);
      await fairlead.apply(config(0));
      expect(Object.keys(countsOf(await answered(fairlead.port(), numbered(120)))).toSorted()).toEqual([
        "b1",
        "b3",
      ]);
    },
    PATIENCE,
  );

  test(
    `H-H29 a of weight 1 and b of weight 0; a up, down, up: a, 503 every time, a again, never b, ${workers} worker(s)`,
    async () => {
      let a = await rawOrigin(() => "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
      using b = await rawOrigin();
      await using fairlead = await runFairlead(
        `workers: ${workers}\nroutes: [{ pool: app }]\npools: { app: { backends: [{ id: a, url: "${a.url}" }, { id: b, url: "${b.url}", weight: 0 }],` +
          ` health_check: { type: tcp, interval: 50ms, healthy_after: 1, unhealthy_after: 1 } } }`,
      );
      const statuses = async () => {
        const found = new Set<string>();
        for (let asked = 0; asked < CONNECTIONS; asked++) {
          using client = await clientAt(fairlead.port());
          const answer = await client.ask(requestFor("x"));
          found.add(`${answer.status} ${answer.status === 200 ? answer.body.toString() : ""}`);
        }
        return [...found];
      };
      expect(await statuses()).toEqual(["200 a"]);
      const { port } = a;
      a.close();
      while (!(await statuses()).includes("503 ")) await Bun.sleep(10);
      while ((await statuses()).join() !== "503 ") await Bun.sleep(10);
      expect(await statuses()).toEqual(["503 "]);
      a = await rawOrigin(() => "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", { listen: port });
      while ((await statuses()).join() !== "200 a") await Bun.sleep(10);
      expect(await statuses()).toEqual(["200 a"]);
      a.close();
      expect(b.requests).toHaveLength(0);
    },
    PATIENCE,
  );
});
