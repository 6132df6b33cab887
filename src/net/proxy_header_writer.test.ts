import { expect, test } from "bun:test";
import { withoutAddresses, writeProxyHeader } from "./proxy_header_writer.ts";
import { readProxyHeader } from "./proxy_protocol.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const SIGNATURE = "0d0a0d0a000d0a515549540a";

test("H-E23/writer version 1", () => {
  expect(text(writeProxyHeader("v1", "192.0.2.1", 1, "198.51.100.2", 65535))).toBe(
    "PROXY TCP4 192.0.2.1 198.51.100.2 1 65535\r\n",
  );
  expect(text(writeProxyHeader("v1", "::1", 1, "fd00::2", 2))).toBe("PROXY TCP6 ::1 fd00::2 1 2\r\n");
  expect(text(writeProxyHeader("v1", "192.0.2.1", 1, "fd00::2", 2))).toBe(
    "PROXY TCP6 ::ffff:192.0.2.1 fd00::2 1 2\r\n",
  );
  expect(text(writeProxyHeader("v1", "fe80::1%eth0", 1, "::ffff:192.0.2.1", 2))).toBe(
    "PROXY TCP6 fe80::1 ::ffff:192.0.2.1 1 2\r\n",
  );
  expect(text(writeProxyHeader("v1", "::ffff:192.0.2.1", 1, "192.0.2.2", 2))).toBe(
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
  );
  expect(text(writeProxyHeader("v1", "", 0, "/run/web.sock", 0))).toBe("PROXY UNKNOWN\r\n");
});

test("H-E23/writer version 2", () => {
  expect(hex(writeProxyHeader("v2", "192.0.2.1", 56092, "198.51.100.2", 443))).toBe(
    `${SIGNATURE}2111000cc0000201c6336402db1c01bb`,
  );
  expect(hex(writeProxyHeader("v2", "::1", 258, "192.0.2.1", 1))).toBe(
    `${SIGNATURE}21210024${"0".repeat(31)}1${"0".repeat(20)}ffffc000020101020001`,
  );
  const unix = writeProxyHeader("v2", "", 0, "/run/web.sock", 0);
  expect(hex(unix.subarray(0, 16))).toBe(`${SIGNATURE}213100d8`);
  expect(readProxyHeader(unix)?.addresses).toEqual({
    family: "unix",
    source: "",
    sourcePort: 0,
    destination: "/run/web.sock",
    destinationPort: 0,
  });
  expect(readProxyHeader(writeProxyHeader("v2", "@web", 0, "192.0.2.1", 1))?.addresses).toMatchObject({
    source: "@web",
    destination: "",
  });
});

test("the header of our own connections names nobody", () => {
  expect(text(withoutAddresses("v1"))).toBe("PROXY UNKNOWN\r\n");
  expect(hex(withoutAddresses("v2"))).toBe(`${SIGNATURE}20000000`);
});

test("what is written is read", () => {
  for (const version of ["v1", "v2"] as const)
    for (const [source, destination] of [
      ["192.0.2.1", "198.51.100.2"],
      ["2001:db8::1", "fd00::2"],
      ["192.0.2.1", "fd00::2"],
    ] as const) {
      const header = writeProxyHeader(version, source, 40_000, destination, 443);
      expect(readProxyHeader(header)).toEqual({
        length: header.length,
        addresses: { family: "ip", source, sourcePort: 40_000, destination, destinationPort: 443 },
        authority: "",
      });
    }
});
