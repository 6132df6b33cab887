/** Many members of all kinds against backends that do what they like, by the real scheduler and real sockets. */
import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { seededRandom } from "../core/strategies/random.ts";
import { realClock } from "../platform/clock.ts";
import { issueCertificate } from "../platform/issue_certificate.ts";
import { socketAddress } from "../platform/socket_address.ts";
import type { Check } from "./contract.ts";
import { http } from "./http.ts";
import { ProbeScheduler, type Scheduled } from "./scheduler.ts";
import { tcp } from "./tcp.ts";
import { backend, targetOf, until, type TestBackend } from "./test_backend.ts";

const CASES = 10_000;
const MEMBERS = 96;
const LIMIT_MS = 40_000;
const SEED = 20_261;
const GOOD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HEADS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n5\r\nab",
  "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 302 Found\r\nLocation: http://\u0001[::\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 103 Early\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
  "HTTP/1.0 200\r\n\r\n",
  GOOD,
];
/** handshake_failure and close_notify of TLS 1.2. */
const ALERTS = ["\x15\x03\x03\x00\x02\x02\x28", "\x15\x03\x03\x00\x02\x01\x00"];

/** What backends do: chance by a seed, or all well. */
const world = { random: seededRandom(SEED), isKind: false };
const below = (limit: number): number => Math.floor(world.random() * limit);

function rubbish(): Buffer {
  return Buffer.from(Array.from({ length: below(300) }, () => below(256)));
}

/** Something that stands in for an answer. */
function nonsense(): Buffer {
  const kind = below(4);
  if (kind === 0) return rubbish();
  if (kind === 1) return Buffer.from(ALERTS[below(ALERTS.length)]!, "latin1");
  const head = Buffer.from(HEADS[below(HEADS.length)]!, "latin1");
  return kind === 2 ? head : head.subarray(0, below(head.length));
}

function act(socket: Bun.Socket<{ received: string }>): void {
  const manner = below(20);
  if (manner < 15) socket.write(nonsense());
  // A few say nothing more, so that the timeout has its part.
  if (manner === 0) return;
  if (below(3) === 0) socket.terminate();
  else socket.end();
}

function hostile(tls?: Bun.TLSOptions): TestBackend {
  return backend(
    {
      open(socket) {
        if (!world.isKind && below(4) === 0) act(socket);
      },
      data(socket, received) {
        if (world.isKind) {
          if (received.endsWith("\r\n\r\n")) socket.write(GOOD);
        } else act(socket);
      },
    },
    tls === undefined ? {} : { tls },
  );
}

/** Sockets of this process: the runtime opens other descriptors when it likes. */
function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

function checks(plain: TestBackend, secure: TestBackend): readonly (readonly [string, TestBackend, Check])[] {
  const body = http.schema.parse({ expect_body_regex: "^ok$", follow_redirects: 10 });
  const line = tcp.schema.parse({ send: "GET / HTTP/1.1\r\n\r\n", expect: "ok" });
  const verified = targetOf(secure.endpoint, {
    tls: true,
    pool_tls: { ca: null, cert: null, key: null, server_name: null, verify: false },
  });
  return [
    ["http", plain, http.create(http.schema.parse({}), targetOf(plain.endpoint))],
    ["body", plain, http.create(body, targetOf(plain.endpoint))],
    ["tcp", plain, tcp.create(tcp.schema.parse({}), targetOf(plain.endpoint))],
    ["line", plain, tcp.create(line, targetOf(plain.endpoint))],
    ["https", secure, http.create(body, verified)],
    ["no-tls", plain, http.create(body, { ...verified, endpoint: plain.endpoint })],
  ];
}

const certificate = issueCertificate({ commonName: "127.0.0.1", names: ["127.0.0.1"] });

test(
  "HF15 10,000 random resets, ends, rubbish, alerts and half answers: each member goes on, no descriptor is left",
  async () => {
    const before = openSockets();
    const { cert, key } = certificate;
    const plain = hostile();
    const secure = hostile({ cert, key });
    const listening = openSockets();
    const results = new Map<string, { count: number; healthy: boolean; reasons: Set<string> }>();
    let total = 0;
    const scheduler = new ProbeScheduler({
      clock: realClock,
      random: Math.random,
      nextTurn: (run) => void setImmediate(run),
      result(id, { healthy, reason }) {
        total++;
        const known = results.get(id) ?? { count: 0, healthy, reasons: new Set<string>() };
        results.set(id, known);
        known.count++;
        known.healthy = healthy;
        known.reasons.add(reason);
      },
    });
    const kinds = checks(plain, secure);
    const members = Array.from({ length: MEMBERS }, (_, index): Scheduled => {
      const [kind, server, check] = kinds[index % kinds.length]!;
      const timing = { interval_ms: 50, timeout_ms: 200, jitter: 0.1 };
      return { id: `${kind}-${index}`, settings: "", timing, address: socketAddress(server.endpoint), check };
    });
    scheduler.update(members);
    const end = performance.now() + LIMIT_MS;
    while (total < CASES && performance.now() < end) await Bun.sleep(20);
    expect(total).toBeGreaterThanOrEqual(CASES);
    const seen = new Set([...results.values()].flatMap(({ reasons }) => [...reasons]));
    for (const part of [
      "timeout|within",
      "lost",
      "not HTTP/1",
      "cut off",
      "TLS handshake failed",
      "no answer",
    ])
      expect([part, [...seen].some((reason) => new RegExp(part).test(reason))]).toEqual([part, true]);

    world.isKind = true;
    const known = new Map([...results].map(([id, { count }]) => [id, count]));
    // Two more each: the first may have begun before.
    await until("each member is probed again", () =>
      members.every(({ id }) => (results.get(id)?.count ?? 0) >= (known.get(id) ?? 0) + 3),
    );
    for (const { id } of members)
      expect([id, results.get(id)?.healthy]).toEqual([id, !id.startsWith("no-tls")]);
    scheduler.stop();
    expect(scheduler.running).toBe(0);
    await until("the backends see the end of all", () => plain.open + secure.open === 0);
    expect(openSockets()).toBeLessThanOrEqual(listening);
    plain[Symbol.dispose]();
    secure[Symbol.dispose]();
    await until("all sockets are free", () => openSockets() <= before);
  },
  LIMIT_MS + 15_000,
);
