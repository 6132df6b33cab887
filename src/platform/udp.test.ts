import { expect, test } from "bun:test";
import { bindUdp, exchangeUdp, type BoundUdpSocket } from "./udp.ts";

const text = new TextEncoder();

async function echo(host: string): Promise<BoundUdpSocket & Disposable> {
  const socket = await bindUdp({ host, port: 0 });
  socket.onMessage = (message, port, address) => socket.send(message, port, address);
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

/** The first thing that is told. */
function outcome(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const stop = exchangeUdp({ host, port }, text.encode("hello"), {
      message: (bytes) => {
        stop();
        resolve(`message ${bytes.toString()}`);
      },
      failed: (reason) => resolve(`failed ${reason}`),
    });
  });
}

test.each(["127.0.0.1", "::1"])("a datagram goes to %s and an answer comes back", async (host) => {
  using server = await echo(host);
  expect(await outcome(host, server.port)).toBe("message hello");
});

test("a port on which nobody is fails at once, and so does an address that one cannot reach", async () => {
  const gone = await bindUdp({ host: "127.0.0.1", port: 0 });
  gone.close();
  expect(await outcome("127.0.0.1", gone.port)).toStartWith("failed ECONNREFUSED");
  expect(await outcome("255.255.255.255", 9)).toStartWith("failed EACCES");
});

test("what is stopped while it opens sends nothing and leaves no socket", async () => {
  using server = await echo("127.0.0.1");
  const received: string[] = [];
  server.onMessage = (message) => void received.push(message.toString());
  const events = { message: () => received.push("an answer"), failed: () => received.push("a failure") };
  exchangeUdp({ host: "127.0.0.1", port: server.port }, text.encode("stopped"), events)();
  exchangeUdp({ host: "127.0.0.1", port: 1 }, text.encode("stopped"), events)();
  expect(await outcomeAfter(server, received)).toEqual(["last"]);
});

/** What the server has received when a later datagram is there. */
async function outcomeAfter(server: BoundUdpSocket, received: string[]): Promise<string[]> {
  using sender = await echo("127.0.0.1");
  for (const end = performance.now() + 5_000; !received.includes("last");) {
    if (performance.now() > end) throw new Error("nothing came");
    if (received.length === 0) sender.send(text.encode("last"), server.port, "127.0.0.1");
    await Bun.sleep(10);
  }
  return received.slice(0, 1 + received.indexOf("last"));
}

test("a bound port is ours alone; the refusal names address and reason", async () => {
  using server = await echo("127.0.0.1");
  const refusal = (host: string, port: number) =>
    bindUdp({ host, port }).then(
      () => "no refusal",
      (error: Error) => error.message,
    );
  expect(await refusal("127.0.0.1", server.port)).toStartWith(
    `cannot listen on 127.0.0.1:${server.port} (UDP): the address is in use`,
  );
  expect(await refusal("2001:db8::1", 5_300)).toBe(
    "cannot listen on [2001:db8::1]:5300 (UDP): the address does not belong to this machine",
  );
});

test("what cannot be sent throws", async () => {
  using server = await echo("127.0.0.1");
  expect(() => server.send(new Uint8Array(70_000), 9, "127.0.0.1")).toThrow("EMSGSIZE");
  expect(() => server.send(new Uint8Array(1), 9, "::1")).toThrow("EAFNOSUPPORT");
});
