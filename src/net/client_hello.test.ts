import { expect, test } from "bun:test";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { ClientHelloError, MAX_CLIENT_HELLO_BYTES, readServerName } from "./client_hello.ts";
import { clientHello, inRecords } from "./test_client_hello.ts";

const problem = (bytes: Uint8Array): string => {
  try {
    return readServerName(bytes) === null ? "incomplete" : "accepted";
  } catch (error) {
    if (!(error instanceof ClientHelloError)) throw error;
    return error.message;
  }
};

/** What a real client sends first. */
async function firstBytes(options: { servername?: string; maxVersion?: "TLSv1.2" }): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const server = createServer((socket: Socket) =>
    socket.once("data", (bytes) => resolve(new Uint8Array(bytes as Buffer))),
  );
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const socket = connectTcp(port, "127.0.0.1");
  const client = connect({ socket, ...options }).on("error", () => {});
  const bytes = await promise;
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

test("names of real clients are read", async () => {
  expect(readServerName(await firstBytes({ servername: "a.Test" }))).toBe("a.test");
  expect(readServerName(await firstBytes({ servername: "b.test", maxVersion: "TLSv1.2" }))).toBe("b.test");
  expect(readServerName(await firstBytes({}))).toBe("");
});

test("H-G8/hello a name is found at every split of bytes and of records", () => {
  const hello = clientHello({ name: "www.Example.com." });
  for (const stream of [
    inRecords(hello),
    inRecords(hello, 1),
    inRecords(hello, 3),
    inRecords(hello, hello.length - 1),
  ]) {
    expect(readServerName(stream)).toBe("www.example.com");
    for (let size = 0; size < stream.length; size++)
      if (readServerName(stream.subarray(0, size)) !== null) throw new Error(`complete at ${size} bytes`);
  }
});

test("what follows the message does not matter", () => {
  const hello = inRecords(clientHello({ name: "a.test" }));
  expect(readServerName(new Uint8Array([...hello, 20, 3, 3, 0, 1, 1]))).toBe("a.test");
});

test("a client without extensions, or without a name among them, names nobody", () => {
  expect(readServerName(inRecords(clientHello({ extensions: null })))).toBe("");
  expect(readServerName(inRecords(clientHello({})))).toBe("");
});

test("anything else is refused as soon as it shows", () => {
  const extension = (type: number, body: number[]) => [
    type >> 8,
    type & 255,
    body.length >> 8,
    body.length & 255,
    ...body,
  ];
  const name = (bytes: number[]) => [
    (bytes.length + 3) >> 8,
    (bytes.length + 3) & 255,
    0,
    bytes.length >> 8,
    bytes.length & 255,
    ...bytes,
  ];
  const withExtensions = (...extensions: number[][]) =>
    inRecords(clientHello({ extensions: Uint8Array.from(extensions.flat()) }));
  const a = [97];
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [Uint8Array.of(71), "does not speak TLS"],
    [Uint8Array.of(22, 2), "does not speak TLS"],
    [Uint8Array.of(22, 3, 1, 0, 0), "a record of 0 bytes"],
    [Uint8Array.of(22, 3, 1, 0x40, 1), "a record of 16385 bytes"],
    [Uint8Array.of(22, 3, 1, 0, 4, 2), "handshake message 2 comes first"],
    [Uint8Array.of(22, 3, 1, 0, 4, 1, 0, 0x40, 0), "16388 bytes are over the limit"],
    [Uint8Array.of(22, 3, 1, 0, 2, 1, 0, 23, 3, 1), "another record inside"],
    [inRecords(clientHello({ extensions: null, cut: 3 })), "lengths that do not fit"],
    [inRecords(clientHello({ cut: 1 })), "lengths that do not fit"],
    [inRecords(clientHello({ extra: 1 })), "lengths that do not fit"],
    [withExtensions(extension(0, name(a)), extension(0, name(a))), "two server name extensions"],
    [withExtensions(extension(0, [])), "lengths that do not fit"],
    [withExtensions(extension(0, [0, 0])), "not one host name"],
    [withExtensions(extension(0, [0, 4, 1, 0, 1, 97])), "not one host name"],
    [withExtensions(extension(0, [...name(a), 0])), "not one host name"],
    [withExtensions(extension(0, [0, 8, 0, 0, 1, 97, 0, 0, 1, 98])), "not one host name"],
    [withExtensions(extension(0, name([]))), "wrong length"],
    [withExtensions(extension(0, name(Array<number>(256).fill(97)))), "wrong length"],
    [withExtensions(extension(0, name([97, 32]))), "bytes that no name has"],
    [withExtensions(extension(0, name([0xe4]))), "bytes that no name has"],
    [withExtensions(extension(10, [1, 2, 3]), [0, 1]), "lengths that do not fit"],
  ];
  for (const [bytes, why] of cases)
    expect([why, problem(bytes)]).toEqual([why, expect.stringContaining(why)]);
});

test("a message of single-byte records ends at a limit", () => {
  const padding = new Uint8Array(MAX_CLIENT_HELLO_BYTES - 200);
  const stream = inRecords(clientHello({ name: "a.test", padding }), 1);
  expect(problem(stream)).toContain("spread over too many records");
  expect(readServerName(inRecords(clientHello({ name: "a.test", padding })))).toBe("a.test");
});
