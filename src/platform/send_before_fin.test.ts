/** The last bytes of a connection and its FIN are one segment: the receiver sees nothing of them before the close. */
import { expect, test } from "bun:test";
import { libc, reserve, reserveBlock } from "./libc.ts";
import { sendBeforeFin } from "./send_before_fin.ts";

const SIOCINQ = 0x541b;
const count = reserve(16);

/** Bytes that wait to be read. */
function arrived(socket: object): number {
  libc.ioctl((socket as { fd: number }).fd, SIOCINQ, count.address);
  return count.int32[0]!;
}

test("the last bytes leave when the socket is closed, not before", async () => {
  const text = "the last bytes";
  const block = reserveBlock(4_096);
  new Uint8Array(block.buffer).set(Buffer.from(text));
  let served: Bun.Socket<undefined> | null = null;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (socket) => void (served = socket), data() {} },
  });
  let received = "";
  let ended!: () => void;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    socket: {
      data: (_, bytes) => void (received += Buffer.from(bytes).toString()),
      end: () => ended(),
    },
  });
  while (served === null) await Bun.sleep(1);
  const { fd } = served as unknown as { fd: number };

  expect(sendBeforeFin(fd, block.address, text.length)).toBe(text.length);
  expect(arrived(client)).toBe(0);
  (served as { close(): void }).close();
  expect(arrived(client)).toBe(text.length);
  await end;
  expect(received).toBe(text);
  listener.stop(true);
});

test("what the kernel refuses counts as nothing sent", () => {
  const block = reserveBlock(16);
  expect(sendBeforeFin(-1, block.address, 16)).toBe(0);
});
