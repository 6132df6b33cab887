import { expect, test } from "bun:test";
import { hostOf, portOf, socketAddress } from "./socket_address.ts";

test("IPv4 and IPv6 literals are encoded in network order", () => {
  const four = socketAddress({ kind: "tcp", host: "10.1.2.3", port: 8080 });
  expect([...four.bytes.subarray(0, 8)]).toEqual([2, 0, 31, 144, 10, 1, 2, 3]);
  const cases: [string, string][] = [
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:db8::8:800:200c:417a", "2001:db8::8:800:200c:417a"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ];
  for (const [host, text] of cases) {
    const address = socketAddress({ kind: "tcp", host, port: 443 });
    expect([address.bytes.length, hostOf(address.bytes), portOf(address.bytes)]).toEqual([28, text, 443]);
  }
  const scoped = socketAddress({ kind: "tcp", host: "fe80::1%3", port: 1 });
  expect(scoped.bytes[24]).toBe(3);
  expect(scoped.text).toBe("[fe80::1%3]:1");
});

test("unix paths end with NUL, abstract ones begin with it", () => {
  expect([...socketAddress({ kind: "unix", path: "/a" }).bytes]).toEqual([1, 0, 47, 97, 0]);
  expect([...socketAddress({ kind: "unix", path: "@a" }).bytes]).toEqual([1, 0, 0, 97]);
});

test("names, ports out of range and long paths are refused", () => {
  expect(() => socketAddress({ kind: "tcp", host: "localhost", port: 1 })).toThrow("not a literal");
  expect(() => socketAddress({ kind: "tcp", host: "fe80::1%eth0", port: 1 })).toThrow("not a literal");
  expect(() => socketAddress({ kind: "tcp", host: "127.0.0.1", port: 65_536 })).toThrow("0 to 65535");
  expect(() => socketAddress({ kind: "unix", path: "a".repeat(108) })).toThrow("107 bytes");
});
