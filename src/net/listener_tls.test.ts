import { describe, expect, test } from "bun:test";
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { ClientAuth, TlsOptions, TlsPlan } from "../core/plan.ts";
import { listenerOf } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { issueCertificate } from "../platform/issue_certificate.ts";
import {
  certificatePlan,
  contextsOf,
  OPTIONS,
  testFiles,
  testPeople,
  tlsPlan,
} from "../platform/test_tls.ts";
import type { TlsEngines } from "../platform/tls_self_check.ts";
import { writeProxyHeader } from "./proxy_header_writer.ts";
import { exchange, settle, splitFirstWrite, startListener, until, visit } from "./test_listener.ts";

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const V1 = bytesOf("PROXY TCP4 192.0.2.7 198.51.100.2 40000 443\r\n");

/** The ways of TLS; the second one serves plans that need the name first in the first set of engines too. */
const WAYS: readonly (readonly [string, TlsEngines])[] = [
  ["listener", { listener: true, upgrade: true }],
  ["upgrade", { listener: false, upgrade: true }],
  ["node:tls", { listener: false, upgrade: false }],
];

for (const [way, engines] of WAYS) {
  const start = (plan: Partial<TlsPlan> = {}, more: Parameters<typeof startListener>[0] = {}) =>
    startListener({ tls: contextsOf(tlsPlan(plan)), engines, ...more });

  describe(`by ${way}`, () => {
    test("a connection is handed over after its handshake, with what was found out", async () => {
      using test = start();
      expect(
        await visit({ port: test.port, servername: "b.test", ALPNProtocols: ["h2", "http/1.1"] }),
      ).toMatchObject({
        name: "b.test",
        protocol: "TLSv1.3",
        alpn: "http/1.1",
        text: "hello",
        error: null,
      });
      expect(await visit({ port: test.port, maxVersion: "TLSv1.2" })).toMatchObject({
        name: "a.test",
        protocol: "TLSv1.2",
        text: "hello",
      });
      const [first, second] = test.accepted;
      expect(first!.tls).toMatchObject({
        serverName: "b.test",
        version: "1.3",
        alpn: "http/1.1",
        checksHosts: false,
      });
      expect(second!.tls).toMatchObject({ serverName: "a.test", version: "1.2", alpn: "" });
      expect(first!.client).toMatchObject({ address: "127.0.0.1", peerAddress: "127.0.0.1" });
      expect([first!.client.localPort, first!.client.port > 0]).toEqual([test.port, true]);
      await until(() => test.accepted.every(({ closed }) => closed === 0));
      expect([test.listener.opening, test.rejected, test.failures]).toEqual([0, [], []]);
    });

    test("H-F25/listener names in any case, one label for the wildcard, else the default certificate", async () => {
      const certificates = [certificatePlan("b"), certificatePlan("a")];
      using test = start({ certificates });
      for (const [servername, name] of [
        ["a.test", "a.test"],
        ["A.TEST", "a.test"],
        ["q.W.test", "a.test"],
        ["q.q.w.test", "b.test"],
        ["w.test", "b.test"],
        ["", "b.test"],
      ] as const)
        expect([servername, (await visit({ port: test.port, servername })).name]).toEqual([servername, name]);
    });

    test("H-F17/listener strict: an unknown name, and none, get the alert unrecognized_name", async () => {
      using test = start({ strict_sni: true });
      expect(await visit({ port: test.port, servername: "q.w.test" })).toMatchObject({
        name: "a.test",
        text: "hello",
      });
      for (const servername of ["unknown.test", ""])
        expect(await visit({ port: test.port, servername })).toMatchObject({
          name: null,
          error: "ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME",
        });
      expect(test.rejected).toEqual([
        "FL_TLS_HANDSHAKE no certificate is for unknown.test (admitted)",
        "FL_TLS_HANDSHAKE the client names no host (admitted)",
      ]);
    });

    test("ALPN without a common protocol ends with an alert", async () => {
      using test = start();
      expect(await visit({ port: test.port, ALPNProtocols: ["h2"] })).toMatchObject({
        name: null,
        error: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
      });
      await until(() => test.rejected.length === 1);
    });

    test("versions, ciphers and curves are those of the plan", async () => {
      const seen = async (plan: Partial<TlsOptions>, client: Parameters<typeof visit>[0]) => {
        using test = start(plan);
        const { protocol, cipher, text, error } = await visit({ port: test.port, ...client });
        return text === "hello" ? [protocol, cipher] : error;
      };
      expect(await seen({ max_version: "1.2" }, {})).toContain("TLSv1.2");
      expect(await seen({ min_version: "1.3" }, { maxVersion: "TLSv1.2" })).toBe(
        "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      );
      expect(await seen({ max_version: "1.2" }, { minVersion: "TLSv1.3" })).toBe(
        "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      );
      const ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
      expect(await seen({ max_version: "1.2", ciphers }, {})).toEqual(["TLSv1.2", ciphers]);
      expect(await seen({ curves: "P-256" }, { ecdhCurve: "X25519" })).toBe(
        "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
      );
      expect(await seen({ curves: "P-256" }, { ecdhCurve: "P-256" })).toContain("TLSv1.3");
    });

    test("options of a name hold for that name alone", async () => {
      const certificates = [
        certificatePlan("a"),
        certificatePlan("b", { options: { ...OPTIONS, max_version: "1.2" } }),
      ];
      using test = start({ certificates, min_version: "1.3" });
      expect((await visit({ port: test.port, servername: "b.test" })).protocol).toBe("TLSv1.2");
      expect((await visit({ port: test.port, servername: "a.test" })).protocol).toBe("TLSv1.3");
      expect((await visit({ port: test.port, servername: "a.test", maxVersion: "TLSv1.2" })).name).toBeNull();
    });

    describe("H-F18/listener client certificates", () => {
      const { client, foreignClient } = testPeople();
      const clients = { none: {}, known: pem(client), foreign: pem(foreignClient) } as const;
      const expected: Record<ClientAuth, Record<keyof typeof clients, boolean>> = {
        none: { none: true, known: true, foreign: true },
        request: { none: true, known: true, foreign: true },
        require_any: { none: false, known: true, foreign: true },
        verify_if_given: { none: true, known: true, foreign: false },
        require_and_verify: { none: false, known: true, foreign: false },
      };
      for (const client_auth of Object.keys(expected) as ClientAuth[]) {
        const client_ca = client_auth.includes("verify") ? "/ca.crt" : null;
        test(`H-F18/listener ${client_auth}`, async () => {
          const options: TlsOptions = { ...OPTIONS, client_auth, client_ca };
          // The same for all names, and for one name alone.
          using test = start({ client_auth, client_ca });
          using named = start({ certificates: [certificatePlan("a"), certificatePlan("b", { options })] });
          for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const)
            for (const [kind, certificate] of Object.entries(clients)) {
              const wanted = [
                kind,
                maxVersion,
                expected[client_auth][kind as keyof typeof clients] ? "hello" : "",
              ];
              const common = { maxVersion, ...certificate };
              const seen = await visit({ port: test.port, ...common });
              expect([kind, maxVersion, seen.text]).toEqual(wanted as string[]);
              const byName = await visit({ port: named.port, servername: "b.test", ...common });
              expect([kind, maxVersion, byName.text]).toEqual(wanted as string[]);
              expect((await visit({ port: named.port, servername: "a.test", ...common })).text).toBe("hello");
            }
          const refused = 2 * Object.values(expected[client_auth]).filter((let_in) => !let_in).length;
          await until(() => test.rejected.length === refused && named.rejected.length === refused);
          expect(test.rejected.every((line) => line.startsWith("FL_TLS_HANDSHAKE "))).toBe(true);
          await until(() => test.listener.opening === 0 && named.listener.opening === 0);
        });
      }
    });

    test("H-A16/listener a connection says for which hosts it may carry requests", async () => {
      const options: TlsOptions = { ...OPTIONS, client_auth: "require_and_verify", client_ca: "/ca.crt" };
      using test = start({ certificates: [certificatePlan("a"), certificatePlan("b", { options })] });
      await visit({ port: test.port, servername: "a.test" });
      await visit({ port: test.port, servername: "b.test", ...pem(testPeople().client) });
      const [a, b] = test.accepted;
      expect(a!.tls!.checksHosts).toBe(true);
      expect([a!.tls!.allowsHost("a.test"), a!.tls!.allowsHost("b.test")]).toEqual([true, false]);
      expect([b!.tls!.allowsHost("a.test"), b!.tls!.allowsHost("b.test")]).toEqual([false, true]);
    });

    test("a ticket of one name opens no other name that asks for a certificate", async () => {
      const options: TlsOptions = { ...OPTIONS, client_auth: "require_and_verify", client_ca: "/ca.crt" };
      using test = start({ certificates: [certificatePlan("a"), certificatePlan("b", { options })] });
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const { session } = await visit({ port: test.port, servername: "a.test", maxVersion });
        expect(session).not.toBeNull();
        const again = await visit({ port: test.port, servername: "a.test", maxVersion, session: session! });
        expect(again).toMatchObject({ text: "hello", reused: true });
        const other = await visit({ port: test.port, servername: "b.test", maxVersion, session: session! });
        expect(other).toMatchObject({ text: "", reused: false });
      }
    });

    test("sessions are resumed, also after a reload that keeps the certificate, unless tickets are off", async () => {
      const plan = tlsPlan();
      const contexts = contextsOf(plan);
      using test = start({}, { tls: contexts });
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const { session } = await visit({ port: test.port, maxVersion });
        expect(await visit({ port: test.port, maxVersion, session: session! })).toMatchObject({
          reused: true,
        });
        test.listener.replace(listenerOf("web", { backlog: 400 }), contextsOf(plan, testFiles(), contexts));
        expect(await visit({ port: test.port, maxVersion, session: session! })).toMatchObject({
          reused: true,
          text: "hello",
        });
      }
      using none = start({ session_tickets: false });
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const { session } = await visit({ port: none.port, maxVersion });
        const again = await visit({ port: none.port, maxVersion, ...(session === null ? {} : { session }) });
        expect(again).toMatchObject({ reused: false, text: "hello" });
      }
    });

    test("H-F19/listener a renewed certificate, the default one too, is served at once and no handshake fails", async () => {
      let contexts = contextsOf(tlsPlan());
      using test = start({}, { tls: contexts });
      let going = true;
      const results: string[] = [];
      const load = Array.from({ length: 4 }, async (_, index) => {
        while (going) {
          const { text, error } = await visit({
            port: test.port,
            servername: index % 2 === 0 ? "a.test" : "b.test",
          });
          results.push(error ?? text);
        }
      });
      for (let round = 0; round < 6; round++) {
        const commonName = `round ${round}`;
        const renewed = issueCertificate({ commonName, names: ["a.test", "b.test"] });
        const files = testFiles(round % 2 === 0 ? { a: renewed } : { b: renewed });
        contexts = contextsOf(tlsPlan(), files, contexts);
        test.listener.replace(listenerOf("web"), contexts);
        const servername = round % 2 === 0 ? "" : "b.test";
        // With a in round 0, 2, 4 the names of both are in a: b is reached by its own round alone.
        const seen = await visit({ port: test.port, servername });
        expect(seen.name).toBe(contexts.find(servername) === contexts.contexts[1] ? commonName : seen.name);
        if (round % 2 === 0) expect(seen.name).toBe(commonName);
      }
      going = false;
      await Promise.all(load);
      expect(results.length).toBeGreaterThan(8);
      expect(results.filter((result) => result !== "hello")).toEqual([]);
    });

    test("H-G8/listener a ClientHello at every split", async () => {
      using test = start();
      const hello = await helloLength(test.port);
      // Only in one way do we read all of it ourselves.
      for (let split = 1; split <= hello; split += way === "upgrade" ? 1 : 9) {
        const socket = splitFirstWrite(test.port, split);
        const { text, error } = await visit({ socket, servername: "b.test", ecdhCurve: "X25519" });
        expect([split, text, error]).toEqual([split, "hello", null]);
      }
      expect(test.rejected).toEqual([]);
    }, 60_000);

    test("H-G8/listener PROXY header and ClientHello in one segment, and split anywhere around their border", async () => {
      using test = start({}, { plan: { proxy_protocol: { trusted: ["127.0.0.1"] } } });
      for (const header of [V1, writeProxyHeader("v2", "192.0.2.7", 40_000, "198.51.100.2", 443)])
        for (const split of [0, 1, header.length - 1, header.length, header.length + 1, header.length + 60]) {
          test.accepted.length = 0;
          const socket = splitFirstWrite(test.port, split, header);
          expect(await visit({ socket, servername: "b.test" })).toMatchObject({
            name: "b.test",
            text: "hello",
          });
          const { client } = test.accepted[0]!;
          expect(client).toMatchObject({
            address: "192.0.2.7",
            port: 40_000,
            localPort: 443,
            peerAddress: "127.0.0.1",
          });
        }
      expect((await visit({ port: test.port })).name).toBeNull();
      expect(test.rejected).toEqual([expect.stringContaining("FL_BAD_PROXY_HEADER bad PROXY header")]);
    });

    test("H-F22/listener a handshake that stands still is cut at its timeout", async () => {
      const clock = new ManualClock();
      using test = start({}, { clock });
      const closed = [false, false, false];
      const hello = await firstFlight(test.port);
      clock.advance(1_000);
      for (const [index, bytes] of [new Uint8Array(0), hello.subarray(0, 20), hello].entries()) {
        const socket = connectTcp(test.port, "127.0.0.1");
        socket
          .on("error", () => {})
          .on("close", () => (closed[index] = true))
          .resume();
        if (bytes.length > 0) socket.write(bytes);
      }
      await until(() => test.listener.opening === 3);
      await settle();
      clock.advance(9_800);
      await settle();
      expect(closed).toEqual([false, false, false]);
      clock.advance(400);
      await until(() => closed.every(Boolean));
      expect(test.rejected).toHaveLength(3);
      expect(test.rejected.every((line) => line.startsWith("FL_TLS_TIMEOUT "))).toBe(true);
      expect(test.listener.opening).toBe(0);
    });

    test("what is no TLS, or ends inside the handshake, is rejected once", async () => {
      using test = start();
      const hello = await firstFlight(test.port);
      expect(await exchange(test.port, [bytesOf("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")])).not.toContain(
        "GET",
      );
      await exchange(test.port, [hello.subarray(0, 30)]);
      await exchange(test.port, [hello]);
      await exchange(test.port, []);
      const broken = hello.slice();
      broken[9] = 0xff;
      await exchange(test.port, [broken]);
      await until(() => test.rejected.length === 5 && test.listener.opening === 0);
      expect(test.rejected.every((line) => line.startsWith("FL_TLS_HANDSHAKE "))).toBe(true);
      expect([test.accepted, test.failures]).toEqual([[], []]);
      expect(await visit({ port: test.port })).toMatchObject({ text: "hello" });
    });

    test("a client that breaks TLS later loses its connection and is no fault of ours", async () => {
      using test = start();
      const { port, break: breakTls } = await relayTo(test.port);
      const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
        client.write("hello"),
      );
      client.on("error", () => {});
      await until(() => test.accepted[0]?.received === "hello");
      breakTls();
      await until(() => test.accepted[0]!.closed !== null);
      expect(test.failures).toEqual([]);
      client.destroy();
    });

    test("megabytes go both ways byte for byte, with pauses", async () => {
      using test = start();
      const sent = Buffer.alloc(20_000_000);
      for (let index = 0; index < sent.length; index++) sent[index] = (index * 31 + (index >> 8)) & 255;
      const received: Buffer[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const client: TLSSocket = connectTls(
        { port: test.port, host: "127.0.0.1", rejectUnauthorized: false },
        () => client.end(sent),
      );
      client.pause();
      client.on("end", () => resolve());
      await until(() => (test.accepted[0]?.paused ?? 0) > 0);
      await settle();
      client.on("data", (bytes: Buffer) => received.push(bytes));
      client.resume();
      await promise;
      const all = Buffer.concat(received);
      expect([all.length, all.equals(sent)]).toEqual([sent.length, true]);
      await until(() => test.accepted[0]!.closed === 0);
    });

    test("a client that has ended still gets its answer, and our end frees the connection at once", async () => {
      using test = start();
      let ended = false;
      test.makeConsumer = (echo) => {
        echo.onEnd = () => {
          const late = bytesOf("late");
          echo.socket.write(late, 0, late.length);
          echo.socket.close();
        };
        return echo;
      };
      const client = connectTls({ port: test.port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
        client.end("hello"),
      );
      let text = "";
      client.on("data", (bytes: Buffer) => (text += bytes.toString())).on("end", () => (ended = true));
      await until(() => ended);
      expect(text).toBe("hellolate");
      await until(() => test.accepted[0]!.closed === 0);
      client.destroy();
    });

    test("our end is close_notify and FIN though the client stays", async () => {
      using test = start();
      const { port, fromServer } = await relayTo(test.port);
      const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
        client.write("hello"),
      );
      client.on("error", () => {});
      let clean = false;
      client.on("end", () => (clean = true)).resume();
      await until(() => test.accepted[0]?.received === "hello");
      test.accepted[0]!.socket.close();
      await until(() => test.accepted[0]!.closed !== null && fromServer.ended);
      await until(() => clean);
      client.destroy();
    });

    test("clients that are not admitted or not accepted are cut", async () => {
      using test = start();
      test.admits = false;
      expect((await visit({ port: test.port })).name).toBeNull();
      test.admits = true;
      test.makeConsumer = () => null;
      expect((await visit({ port: test.port })).text).toBe("");
      await until(() => test.listener.opening === 0);
      expect([test.admitted.length, test.accepted.length, test.rejected]).toEqual([1, 0, []]);
    });
  });
}

function pem({ cert, key }: { cert: string; key: string }): { cert: string; key: string } {
  return { cert, key };
}

/** What a client sends first, as TLS bytes. */
async function firstFlight(_port: number): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const server = createServer((socket) =>
    socket.once("data", (bytes) => resolve(new Uint8Array(bytes as Buffer))),
  );
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const socket = connectTcp((server.address() as AddressInfo).port, "127.0.0.1");
  const client = connectTls({ socket, servername: "b.test", ecdhCurve: "X25519" }).on("error", () => {});
  const bytes = await promise;
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

async function helloLength(port: number): Promise<number> {
  return (await firstFlight(port)).length;
}

/** A relay in front of a TLS listener that can break the stream and sees the server's FIN. */
async function relayTo(port: number) {
  const fromServer = { ended: false };
  let breakTls = () => {};
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
    near.on("data", (bytes) => far.write(bytes)).on("error", () => {});
    far.on("data", (bytes) => near.write(bytes)).on("error", () => {});
    far.on("end", () => (fromServer.ended = true));
    near.on("close", () => far.destroy());
    breakTls = () => far.write(Uint8Array.of(23, 3, 3, 0, 20, ...Array<number>(20).fill(9)));
    relay.close();
  });
  await new Promise<void>((done) => relay.listen(0, "127.0.0.1", done));
  return { port: (relay.address() as AddressInfo).port, fromServer, break: () => breakTls() };
}
