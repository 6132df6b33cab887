/** The PROXY protocol towards backends (row H-E23). */
import { expect, test } from "bun:test";
import { startFairlead, until } from "../support/fairlead.ts";
import { rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection } from "../support/raw_origin.ts";

/** An origin that takes a header of `length` bytes (or up to a line end) before the first request. */
async function originWithHeader(headers: Map<OriginConnection, Buffer>, lengthOf: (bytes: Buffer) => number) {
  return await rawOrigin(() => answerText("ok"), {
    onData(connection) {
      if (headers.has(connection)) return false;
      const length = lengthOf(connection.everything);
      if (length < 0) return true;
      headers.set(connection, connection.everything.subarray(0, length));
      connection.received = connection.everything.subarray(length);
      connection.socket.emit("data", Buffer.alloc(0));
      return true;
    },
  });
}

const v1Length = (bytes: Buffer) => (bytes.includes("\r\n") ? bytes.indexOf("\r\n") + 2 : -1);
const v2Length = (bytes: Buffer) => (bytes.length < 16 ? -1 : 16 + bytes.readUInt16BE(14));

test("H-E23/plain the header stands before the request, once per connection, and a connection serves its client alone", async () => {
  for (const [version, lengthOf] of [
    ["v1", v1Length],
    ["v2", v2Length],
  ] as const) {
    const headers = new Map<OriginConnection, Buffer>();
    using origin = await originWithHeader(headers, lengthOf);
    await using fairlead = await startFairlead(
      `pools: { app: { backends: [{ url: "${origin.url}" }], proxy_protocol: ${version} } }\nroutes: [{ pool: app }]`,
    );
    using first = await rawClient(fairlead.port());
    using second = await rawClient(fairlead.port());
    for (const client of [first, second, first]) {
      expect((await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(200);
    }
    expect(origin.connections.length).toBe(2);
    const [one, two] = origin.connections.map((connection) => headers.get(connection)!);
    for (const [client, header] of [
      [first, one!],
      [second, two!],
    ] as const) {
      const { localPort } = client.socket;
      if (version === "v1") {
        expect(header.toString()).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${fairlead.port()}\r\n`);
      } else {
        expect([...header.subarray(0, 16)]).toEqual([
          13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 12,
        ]);
        expect([header.readUInt32BE(16), header.readUInt16BE(24), header.readUInt16BE(26)]).toEqual([
          0x7f000001,
          localPort!,
          fairlead.port(),
        ]);
      }
    }
    first.close();
    await until(() => origin.connections[0]!.ended, "the client's connection to the backend ends with it");
  }
});
