import { expect, test } from "bun:test";
import { readFileSync, writeFileSync, mkdtempSync, openSync, closeSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import {
  descriptorChannel,
  MAX_DESCRIPTORS,
  MAX_PAYLOAD_BYTES,
  receiveDescriptors,
  sendDescriptorLines,
  sendDescriptors,
} from "./fd_passing.ts";
import { LineClient } from "./line_client.ts";
import { acceptOn, closeDescriptor, openListeningSocket } from "./sockets.ts";

test("messages keep their borders, values and descriptors", () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-passing-"));
  writeFileSync(join(directory, "a"), "first");
  writeFileSync(join(directory, "b"), "second");
  const [here, there] = descriptorChannel();
  expect(receiveDescriptors(there)).toBeNull();
  const opened = ["a", "b"].map((name) => openSync(join(directory, name), "r"));
  sendDescriptors(here, { kind: "pair", note: "é" }, opened);
  sendDescriptors(here, "plain", []);
  for (const fd of opened) closeSync(fd);
  const pair = receiveDescriptors(there);
  expect(pair?.value).toEqual({ kind: "pair", note: "é" });
  expect(pair?.descriptors.map((fd) => readFileSync(fd, "utf8"))).toEqual(["first", "second"]);
  expect(receiveDescriptors(there)).toEqual({ value: "plain", descriptors: [] });
  expect(receiveDescriptors(there)).toBeNull();
  for (const fd of [...(pair?.descriptors ?? []), here]) closeDescriptor(fd);
  expect(receiveDescriptors(there)).toBeNull();
  expect(() => sendDescriptors(there, 1, [])).toThrow("EPIPE");
  closeDescriptor(there);
  rmSync(directory, { recursive: true });
});

test("limits are named errors", () => {
  const [here, there] = descriptorChannel();
  const repeated = (length: number) => Array.from({ length }, () => here);
  expect(() => sendDescriptors(here, "x".repeat(MAX_PAYLOAD_BYTES), [])).toThrow("too large");
  expect(() => sendDescriptors(here, 1, repeated(MAX_DESCRIPTORS + 1))).toThrow("too many");
  expect(() => sendDescriptors(here, 1, [1_000_000])).toThrow("EBADF");
  sendDescriptors(here, 1, repeated(MAX_DESCRIPTORS));
  const many = receiveDescriptors(there);
  expect(many?.descriptors.length).toBe(MAX_DESCRIPTORS);
  for (const fd of [...(many?.descriptors ?? []), here, there]) closeDescriptor(fd);
});

test("a receiver that does not read is an error, not a wait", () => {
  const [here, there] = descriptorChannel();
  expect(() => {
    for (let sent = 0; sent < 100_000; sent++) sendDescriptors(here, "x".repeat(1_000), []);
  }).toThrow("EAGAIN");
  closeDescriptor(here);
  closeDescriptor(there);
});

test("a line client gets descriptors before the line that speaks of them, however many and however long it is", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-passing-"));
  const path = join(directory, "lines.sock");
  writeFileSync(join(directory, "file"), "content");
  const file = openSync(join(directory, "file"), "r");
  const long = "x".repeat(300_000);
  const address = { kind: "unix", path, mode: 0o600, user: null, group: null } as const;
  const { fd } = openListeningSocket(address, { backlog: 4, reusePort: false, exclusive: false });
  let unsent = "";
  const server = acceptOn<undefined>(fd, 4, {
    socket: {
      data(socket, bytes) {
        const asked = bytes.toString().trim();
        if (asked === "close") return void socket.end();
        const copies = Array.from({ length: Number(asked) }, () => file);
        sendDescriptorLines((socket as unknown as { fd: number }).fd, copies);
        unsent = `${asked} ${long}\n`;
        unsent = unsent.slice(socket.write(unsent));
      },
      drain: (socket) => void (unsent = unsent.slice(socket.write(unsent))),
    },
  });
  const client = new LineClient(path);
  expect(await client.next(5)).toBeNull();
  for (const count of [0, 1, 3 * MAX_DESCRIPTORS + 1]) {
    client.say(String(count));
    const answer = await client.next(5_000);
    expect(answer?.text).toBe(`${count} ${long}`);
    expect(answer?.descriptors.length).toBe(count);
    for (const received of answer?.descriptors ?? []) {
      expect(readFileSync(`/proc/self/fd/${received}`, "utf8")).toBe("content");
      closeDescriptor(received);
    }
  }
  expect(client.connected).toBe(true);
  client.say("close");
  expect(await client.next(5_000)).toBeNull();
  expect(client.connected).toBe(false);
  client.close();
  server.stop();
  closeSync(file);
  rmSync(directory, { recursive: true });
  expect(() => new LineClient(path)).toThrow("ENOENT");
});
