import { expect, test } from "bun:test";
import { isHostName, parseHostPort } from "./host.ts";
import { parseListenAddress } from "./listen_address.ts";

test("a port alone is dual stack", () => {
  expect(parseListenAddress(":8080")).toEqual({ kind: "tcp", host: "::", port: 8_080, dual_stack: true });
});

test.each([
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["[::1]:65535", "::1", 65_535],
  ["[::]:80", "::", 80],
  ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
  ["localhost:80", "localhost", 80],
])("%s", (text, host, port) => {
  expect(parseListenAddress(text)).toEqual({ kind: "tcp", host, port, dual_stack: false });
});

test("a unix socket has an absolute path that fits", () => {
  expect(parseListenAddress("unix:/run/a.sock")).toEqual({ kind: "unix", path: "/run/a.sock" });
  expect(parseListenAddress("unix:a.sock")).toBeNull();
  expect(parseListenAddress(`unix:/${"a".repeat(106)}`)).not.toBeNull();
  expect(parseListenAddress(`unix:/${"a".repeat(107)}`)).toBeNull();
});

test.each([
  "",
  "8080",
  ":65536",
  ":",
  "::1:80",
  "[::1]",
  "[1.2.3.4]:80",
  "1.2.3:80",
  "a b:80",
  "http://a:80",
  "[::1%]:80",
  "a:-1",
])("%p is refused", (text) => {
  expect(parseListenAddress(text)).toBeNull();
});

test("host names are labels, and a numeric last label is not a name", () => {
  expect(isHostName("a-b.example.com.")).toBe(true);
  expect(isHostName("_service.local")).toBe(true);
  expect(isHostName("1.2.3.256")).toBe(false);
  expect(isHostName("-a")).toBe(false);
  expect(isHostName("a..b")).toBe(false);
  expect(isHostName(`${"a".repeat(64)}.b`)).toBe(false);
  expect(parseHostPort(":80", false)).toBeNull();
});
