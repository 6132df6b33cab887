/** Settings of an address that stays follow the plan without a new socket. */
import { expect, test } from "bun:test";
import { socketOption } from "../platform/libc.ts";
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
