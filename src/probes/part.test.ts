import { expect, test } from "bun:test";
import { withoutOwnResponder } from "./part.ts";

const dns = (host: string, port: number, ...upstream: readonly string[]) => ({
  address: { host, port },
  ttl_ms: 5_000,
  upstream: upstream.map((server) => ({ host: server, port: 53 })),
});

test("HF17 our own responder is not asked for names of backends, but those that it would ask", () => {
  const servers = ["127.0.0.1", "192.0.2.1"];
  expect(withoutOwnResponder(servers, null)).toEqual(servers);
  expect(withoutOwnResponder(servers, dns("127.0.0.1", 53, "192.0.2.53", "2001:db8::53"))).toEqual([
    "192.0.2.1",
    "192.0.2.53:53",
    "[2001:db8::53]:53",
  ]);
  expect(withoutOwnResponder(["127.0.0.1"], dns("127.0.0.1", 53))).toEqual([]);
  // On another port, or another address, it is somebody else.
  expect(withoutOwnResponder(servers, dns("127.0.0.1", 5353))).toEqual(servers);
  expect(withoutOwnResponder(servers, dns("127.0.0.2", 53))).toEqual(servers);
  expect(withoutOwnResponder(["127.0.0.1:5353"], dns("127.0.0.1", 5353, "192.0.2.53"))).toEqual([
    "192.0.2.53:53",
  ]);
});
