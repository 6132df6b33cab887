import { expect, test } from "bun:test";
import { backendUrls, parseBackendUrl, parseBackendUrls } from "./backend_url.ts";

test.each([
  ["http://127.0.0.1:9001", { endpoint: { kind: "tcp", host: "127.0.0.1", port: 9_001 }, tls: false }],
  ["http://web/", { endpoint: { kind: "tcp", host: "web", port: 80 }, tls: false }],
  ["HTTPS://[::1]", { endpoint: { kind: "tcp", host: "::1", port: 443 }, tls: true }],
  ["https://[::1]:8443", { endpoint: { kind: "tcp", host: "::1", port: 8_443 }, tls: true }],
  ["unix:/run/a.sock", { endpoint: { kind: "unix", path: "/run/a.sock" }, tls: false }],
  ["unix:///run/a.sock", { endpoint: { kind: "unix", path: "/run/a.sock" }, tls: false }],
  ["https+unix:/run/a.sock", { endpoint: { kind: "unix", path: "/run/a.sock" }, tls: true }],
] as const)("%s", (text, expected) => {
  expect(parseBackendUrl(text)).toEqual(expected as never);
});

test.each([
  ["127.0.0.1:9001", "is not a URL"],
  ["ftp://a", "unknown scheme"],
  ["udp://a:1", "not available in this version"],
  ["http://", "names no host"],
  ["http://a/b", "no path"],
  ["http://a?b", "no path"],
  ["http://u:p@a", "no user"],
  ["http://a:0", "malformed host or port"],
  ["http://a:99999", "malformed host or port"],
  ["http://a b", "malformed host or port"],
  ["http://::1", "malformed host or port"],
  ["unix:run/a.sock", "absolute path"],
])("%p is refused: %s", (text, reason) => {
  const issue = backendUrls().safeParse(text).error?.issues[0];
  expect(issue?.message).toContain(reason);
});

test("credentials in a refused URL are not repeated in the message", () => {
  expect(backendUrls().safeParse("http://user:hunter2@a").error?.issues[0]?.message).not.toContain("hunter2");
});

test("HF37 a URL with ellipses stands for several, and a path of a socket may hold braces", () => {
  const parsed = parseBackendUrls("https://s{1...2}.test");
  expect(parsed).toEqual([
    { url: "https://s1.test", endpoint: { kind: "tcp", host: "s1.test", port: 443 }, tls: true },
    { url: "https://s2.test", endpoint: { kind: "tcp", host: "s2.test", port: 443 }, tls: true },
  ]);
  expect(parseBackendUrls("unix:/run/a{1...2}.sock")).toMatchObject([
    { endpoint: { path: "/run/a{1...2}.sock" } },
  ]);
  expect(parseBackendUrls("tcp://db{1...2}.test:5432")).toMatchObject([
    { endpoint: { host: "db1.test", port: 5432 }, tls: false },
    { endpoint: { host: "db2.test", port: 5432 }, tls: false },
  ]);
  expect(parseBackendUrls("tcp://db.test")).toEqual({
    problem: '"tcp://db.test" has no port; expected tcp://host:port',
  });
});
