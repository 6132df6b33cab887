import { expect, test } from "bun:test";
import { Struct } from "./struct.ts";

const KEY = new Struct(24, {
  address: [0, 4, "bytes"],
  port: [4, 2, "network"],
  flags: [6, 2, "number"],
  id: [8, 4, "number"],
  protocol: [12, 1, "number"],
  bytes: [16, 8, "number"],
});

test("fields stand where the layout says, in its orders, and are read again", () => {
  const values = {
    address: Uint8Array.of(10, 0, 0, 1),
    port: 80,
    flags: 3,
    id: 0x01020304,
    protocol: 6,
    bytes: 2 ** 40,
  };
  const bytes = KEY.encode(values);
  expect([...bytes]).toEqual([10, 0, 0, 1, 0, 80, 3, 0, 4, 3, 2, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
  expect(KEY.decode(bytes)).toEqual(values);
});

test("what is left out is zero, and what does not fit is refused by name", () => {
  expect(KEY.encode({ address: Uint8Array.of(9) }).subarray(0, 5)).toEqual(Uint8Array.of(9, 0, 0, 0, 0));
  expect(() => KEY.encode({ port: 65_536 })).toThrow("port: 65536 does not fit into 2 bytes");
  expect(() => KEY.encode({ id: -1 })).toThrow("id: -1 does not fit");
  expect(() => KEY.encode({ address: new Uint8Array(16) })).toThrow("address: 16 bytes do not fit into 4");
});
