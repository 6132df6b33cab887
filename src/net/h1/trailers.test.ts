/** Trailer sections, by rows. */
import { expect, test } from "bun:test";
import { latin1Bytes } from "./bytes.ts";
import { keptTrailers, trailerLines } from "./trailers.ts";

const kept = (section: string, maxFields = 100): string | null => {
  const head = keptTrailers(latin1Bytes(section), maxFields);
  return head === null ? null : trailerLines(head);
};

test("H-C12/trailers what may stand there goes on in order", () => {
  expect(kept("")).toBe("");
  expect(kept("X-T: 1\r\nx-u:2 \r\nX-T: \xe9\r\ngrpc-status: 0\r\nServer-Timing: a\r\n")).toBe(
    "X-T: 1\r\nx-u: 2\r\nX-T: \xe9\r\ngrpc-status: 0\r\nServer-Timing: a\r\n",
  );
});

test("H-C12/forbidden what frames, routes, authenticates or identifies is dropped, in any case and spelling", () => {
  const names = [
    "Content-Length",
    "Transfer-Encoding",
    "Host",
    "Authorization",
    "Cookie",
    "Set-Cookie",
    "Trailer",
    "TE",
  ]
    .concat([
      "Connection",
      "Keep-Alive",
      "Upgrade",
      "Expect",
      "Range",
      "Cache-Control",
      "Max-Forwards",
      "Content-Type",
    ])
    .concat([
      "Proxy-Authorization",
      "Proxy",
      "If-None-Match",
      "X-Forwarded-For",
      "X-Real-IP",
      "X-Request-ID",
      "Forwarded",
    ])
    .concat(["Via", "CDN-Loop", "Date", "Location", "Vary", "HTTP2-Settings", "WWW-Authenticate"]);
  for (const name of names) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll("-", "_")])
      expect([spelling, kept(`${spelling}: x\r\nX-T: 1\r\n`)]).toEqual([spelling, "X-T: 1\r\n"]);
  }
  expect(kept("X-Host: 1\r\nHosts: 2\r\n")).toBe("X-Host: 1\r\nHosts: 2\r\n");
});

test("H-C12/malformed a section that is no fields is refused", () => {
  for (const section of [
    "X-T : 1\r\n",
    "X-T\r\n",
    ": 1\r\n",
    "X-T: 1\r\n 2\r\n",
    "X-T: \0\r\n",
    "X: 1\nY: 2\r\n",
    "X: 1\rY\r\n",
  ].concat([" X: 1\r\n", "X\xa0: 1\r\n", "X: 1\r\n\r\nY: 2\r\n", "X: 1"]))
    expect([section, kept(section)]).toEqual([section, null]);
});

test("H-B7/trailers the limit of fields holds", () => {
  expect(kept("X: 1\r\n".repeat(5), 5)).toBe("X: 1\r\n".repeat(5));
  expect(kept("X: 1\r\n".repeat(6), 5)).toBeNull();
});
