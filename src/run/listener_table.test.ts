/** Settings of an address that stays follow the plan without a new socket. */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { socketOption } from "../platform/libc.ts";
import { queuedConnections } from "../platform/sockets.ts";
import { ListenerTable } from "./listener_table.ts";
import { testPlan } from "./test_program.ts";

const IPPROTO_TCP = 6;
const TCP_DEFER_ACCEPT = 9;

test("deferred accept is switched on and off on the sockets that are there", () => {
  const [listener] = testPlan({ web: null }).listeners;
  const table = new ListenerTable();
  const deferral = (on: boolean): [number, number] => {
    table.change([{ ...listener!, defer_accept: on }], 1).commit();
    const { fd } = table.listeners[0]!.sockets[0]!;
    return [fd, socketOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT)];
  };
  const [fd, before] = deferral(false);
  expect(before).toBe(0);
  const [same, on] = deferral(true);
  expect([same, on > 0]).toEqual([fd, true]);
  expect(deferral(false)).toEqual([fd, 0]);
  table.closeAll();
});

test("further sockets of an address that is served take no connection before the change is made", async () => {
  const [listener] = testPlan({ web: null }).listeners;
  const plan = { ...listener!, defer_accept: false };
  const table = new ListenerTable();
  table.change([plan], 1).commit();
  const { port } = table.report()[0]!;
  const clients: Socket[] = [];
  const connected = async (count: number): Promise<void> => {
    for (let made = 0; made < count; made++) {
      const client = connect(port, "127.0.0.1");
      clients.push(client);
      await new Promise<void>((resolve) => client.once("connect", resolve));
    }
  };
  try {
    const refused = table.change([plan], 4);
    await connected(30);
    refused.abandon();
    const [first] = table.listeners[0]!.sockets;
    expect(queuedConnections(first!.fd)).toBe(30);
    table.change([plan], 4).commit();
    await connected(60);
    const queues = table.listeners[0]!.sockets.map(({ fd }) => queuedConnections(fd));
    expect(queues.reduce((sum, queue) => sum + queue)).toBe(90);
    expect(Math.min(...queues)).toBeGreaterThan(0);
  } finally {
    for (const client of clients) client.destroy();
    table.closeAll();
  }
});
