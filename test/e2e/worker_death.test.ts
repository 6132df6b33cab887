/** A worker that is killed, and a certificate that is swapped, while clients come and go: the real program. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { CERTIFICATE_A, CERTIFICATE_B, KEY_A, KEY_B } from "../../src/platform/test_certificates.ts";
import { askOnce, rawClient, tlsClient, type RawClient } from "../support/raw_client.ts";
import { runFairlead, type RunningFairlead, until } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

async function kept(fairlead: RunningFairlead, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index++) {
    const client = await rawClient(fairlead.port());
    expect((await client.ask(GET)).status).toBe(200);
    clients.push(client);
  }
  return clients;
}

test(
  "H-J8 kill -9 of a worker: the others serve on, it is replaced, and counters and limits of the machine stay right",
  async () => {
    await using fairlead = await runFairlead(
      `workers: 3\nlimits: { connections: 24 }\nroutes: [{ respond: { status: 200, body: served } }]`,
    );
    const clients = await kept(fairlead, 24);
    expect(await fairlead.metric("connections_open")).toBe(24);
    const [victim = 0] = fairlead.workers;
    process.kill(victim, "SIGKILL");
    await fairlead.program.until("worker_ready");
    await until(async () => (await fairlead.metric("connections_open")) < 24, "its connections are gone");
    const left = await fairlead.metric("connections_open");
    const isOpen = ({ ended, closed }: RawClient) => !ended && !closed;
    await until(() => clients.filter(isOpen).length === left, "their clients know");
    // Those of the others go on, and what the dead one had is free again: nobody else has to go for the new ones.
    const living = clients.filter(isOpen);
    for (const client of living) expect((await client.ask(GET)).status).toBe(200);
    const fresh = await kept(fairlead, 24 - left);
    expect(await fairlead.metric("connections_open")).toBe(24);
    expect(await fairlead.metric("limits_hit_total")).toBe(0);
    expect(await fairlead.metric("http_requests_total")).toBe(24 + left + (24 - left));
    expect(await fairlead.metric("worker_restarts_total")).toBe(1);
    expect(await fairlead.metric("workers_running")).toBe(3);
    expect(fairlead.workers).not.toContain(victim);
    for (const client of [...living, ...fresh]) client.close();
    await until(async () => (await fairlead.metric("connections_open")) === 0, "all are counted out");
    expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
  },
  PATIENCE,
);

test(
  "H-F19 certificates swapped under load: no handshake fails, and within a second the new one alone is served",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-swap-"));
    const serve = (cert: string, key: string) => {
      writeFileSync(join(directory, "cert.pem"), cert);
      writeFileSync(join(directory, "key.pem"), key);
    };
    serve(CERTIFICATE_A, KEY_A);
    try {
      const certificate = `{ cert: ${directory}/cert.pem, key: ${directory}/key.pem }`;
      await using fairlead = await runFairlead(
        `workers: 2\nlisteners: { web: { address: "127.0.0.1:0", tls: { certificates: [${certificate}] } } }\n` +
          `routes: [{ respond: { status: 200, body: served } }]`,
      );
      const seen: { name: string; begunAt: number }[] = [];
      const failures: string[] = [];
      let running = true;
      const client = async () => {
        while (running) {
          const begunAt = performance.now();
          try {
            using visitor = await tlsClient(fairlead.port(), { servername: "a.example" });
            const name = String((visitor.socket as TLSSocket).getPeerCertificate().subject.CN);
            if ((await visitor.ask(GET)).status !== 200) failures.push("not served");
            seen.push({ name, begunAt });
          } catch (error) {
            failures.push(String(error));
          }
        }
      };
      const clients = Array.from({ length: 3 }, client);
      for (let swap = 1; swap <= 3; swap++) {
        const name = swap % 2 === 1 ? "b.example" : "a.example";
        if (swap % 2 === 1) serve(CERTIFICATE_B, KEY_B);
        else serve(CERTIFICATE_A, KEY_A);
        const swappedAt = performance.now();
        expect((await fairlead.reload()).code).toBe(0);
        await Bun.sleep(Math.max(0, swappedAt + 1_000 - performance.now()));
        const later = seen.length + 20;
        const after = performance.now();
        await until(() => seen.length >= later, "visitors come");
        const names = new Set(seen.filter(({ begunAt }) => begunAt > after).map((visit) => visit.name));
        expect([...names]).toEqual([name]);
      }
      running = false;
      await Promise.all(clients);
      expect(failures).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  PATIENCE,
);
