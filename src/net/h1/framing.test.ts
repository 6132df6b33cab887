/** What heads mean for bodies and connections, by rows. */
import { describe, expect, test } from "bun:test";
import { UNKNOWN_LENGTH } from "../exchange.ts";
import { Head } from "../head.ts";
import { latin1Bytes } from "./bytes.ts";
import { framing, isAuthority, judgeRequest, judgeResponse, routingHost } from "./framing.ts";
import { parseRequest, parseResponse } from "./parse.ts";

function parsedRequest(fields: readonly string[], version = "HTTP/1.1"): Head {
  const bytes = latin1Bytes(`POST / ${version}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);
  const head = new Head(100);
  expect(parseRequest(head, bytes, bytes.length)).toBe(bytes.length);
  return head;
}

/** Judges a request with Host and these fields. */
const judge = (...fields: string[]) => judgeRequest(parsedRequest(["Host: a", ...fields]));

function judgeAnswer(...fields: string[]): string | null {
  const bytes = latin1Bytes(`HTTP/1.1 200 OK\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);
  const head = new Head(100);
  expect(parseResponse(head, bytes, bytes.length)).toBe(bytes.length);
  return judgeResponse(head);
}

/** The fields that go on, after a request was judged. */
function kept(...fields: string[]): string[] {
  const head = parsedRequest(["Host: a", ...fields]);
  expect(judgeRequest(head)).toBeNull();
  return head.fields().map(([name]) => name);
}

describe("Host", () => {
  test("H-A12/framing HTTP/1.1 needs one, and no version takes two", () => {
    expect(judgeRequest(parsedRequest([]))).toBe("FL_BAD_HOST");
    expect(judgeRequest(parsedRequest(["Host: a", "Host: a"]))).toBe("FL_BAD_HOST");
    expect(judgeRequest(parsedRequest(["Host: a", "host: b"], "HTTP/1.0"))).toBe("FL_BAD_HOST");
    expect(judgeRequest(parsedRequest(["Host: a"]))).toBeNull();
    expect(judgeRequest(parsedRequest([], "HTTP/1.0"))).toBeNull();
  });

  test("H-A12/authority a host and a port", () => {
    const sound = [
      "",
      "a",
      "A.example.",
      "a:80",
      "a:",
      "a:65535",
      "a_b",
      "1.2.3.4:1",
      "[::1]",
      "[::1]:80",
      "%41",
    ].concat(["[::ffff:1.2.3.4]", "xn--nxasmq6b", "~"]);
    for (const text of sound) expect([text, isAuthority(text)]).toEqual([text, true]);
    const bad = [
      "a b",
      "a/b",
      "a,b",
      "u@a",
      ":80",
      "a:x",
      "a:-1",
      "a:65536",
      "a:000080",
      "a:1:2",
      "::1",
      "[::1",
      "[]",
    ]
      .concat([
        "[::g]",
        "[1::2::3]",
        "[::1]x",
        "[::1]:x",
        "[fe80::1%eth0]",
        "[fe80::1%25eth0]",
        "[::1]:%31",
        "a%4",
        "a\\b",
      ])
      .concat(["a?b", "a#b", "\xe9", "a\tb", '"a"', "[a", "[v1.x]"]);
    for (const text of bad) expect([text, isAuthority(text)]).toEqual([text, false]);
  });

  test("H-A15/routing case, trailing dot and port mean nothing to routes", () => {
    for (const text of [
      "a.example",
      "A.EXAMPLE",
      "a.example.",
      "a.example:80",
      "A.example.:443",
      "a.example:",
    ])
      expect(routingHost(text)).toBe("a.example");
    expect(routingHost("[2001:DB8::1]:80")).toBe("[2001:db8::1]");
    expect(routingHost("")).toBe("");
  });
});

describe("body length", () => {
  test("H-C1/framing both kinds of framing are refused in both orders", () => {
    expect(judge("Content-Length: 5", "Transfer-Encoding: chunked")).toBe("FL_BAD_FRAMING");
    expect(judge("Transfer-Encoding: chunked", "Content-Length: 5")).toBe("FL_BAD_FRAMING");
  });

  test("H-C2/framing H-C3/framing one length, once", () => {
    for (const other of ["6", "5"]) {
      expect(judge("Content-Length: 5", `content-length: ${other}`)).toBe("FL_BAD_FRAMING");
      expect(judge(`Content-Length: 5, ${other}`)).toBe("FL_BAD_FRAMING");
    }
  });

  test("H-C4/framing a length is 1 to 15 decimal digits", () => {
    for (const [text, length] of [
      ["0", 0],
      ["5", 5],
      ["005", 5],
      ["999999999999999", 999_999_999_999_999],
    ] as const) {
      expect(judge(`Content-Length: ${text}`)).toBeNull();
      expect(framing.length).toBe(length);
    }
    for (const text of [
      "",
      "+5",
      "-1",
      "0x5",
      "5 5",
      "5,",
      "5;x",
      "0_5",
      "9223372036854775808",
      "1000000000000000",
    ].concat(["5\xa0", "\xa05", "five", "5.0", "\xb2"]))
      expect([text, judge(`Content-Length: ${text}`)]).toEqual([text, "FL_BAD_FRAMING"]);
    expect(judge()).toBeNull();
    expect(framing.length).toBe(0);
  });

  test("H-C18/framing a length that some parsers might read otherwise is written anew", () => {
    const lines = (...fields: string[]) => {
      const head = parsedRequest(["Host: a", ...fields, "X: 1"]);
      expect(judgeRequest(head)).toBeNull();
      return [head.droppedCount, head.appended];
    };
    for (const line of ["Content-Length: 5", "content-length:5", "Content-Length: 0", "Content-Length: 10"])
      expect([line, lines(line)]).toEqual([line, [0, ""]]);
    for (const value of [" 5 ", " 5\t", "\t5", "  5", " 05", " 0005 "])
      expect([value, lines(`Content-Length:${value}`)]).toEqual([value, [1, "Content-Length: 5\r\n"]]);
    expect(lines("Content-Length: 00")).toEqual([1, "Content-Length: 0\r\n"]);
    const last = parsedRequest(["Host: a", "Content-Length: 7 "]);
    expect(judgeRequest(last)).toBeNull();
    expect(last.fields()).toEqual([
      ["Host", "a"],
      ["Content-Length", "7"],
    ]);
  });

  test("H-C5/framing nothing but one final chunked, and 501 for unknown codings alone", () => {
    for (const text of ["chunked", "CHUNKED", "Chunked"]) {
      expect(judge(`Transfer-Encoding: ${text}`)).toBeNull();
      expect(framing.length).toBe(UNKNOWN_LENGTH);
    }
    for (const text of [
      "gzip, chunked",
      "identity, chunked",
      "xchunked, chunked",
      "gzip ,\tdeflate , chunked",
    ])
      expect([text, judge(`Transfer-Encoding: ${text}`)]).toEqual([text, "FL_UNKNOWN_CODING"]);
    for (const text of [
      "",
      ",chunked",
      "chunked,",
      "chunked, gzip",
      "chunked, chunked",
      '"chunked"',
      "chunked;q=1",
    ].concat(["chunked chunked", "gzip;x, chunked", "gzip", "identity", "xchunked", "'chunked'"]))
      expect([text, judge(`Transfer-Encoding: ${text}`)]).toEqual([text, "FL_BAD_FRAMING"]);
    expect(judge("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")).toBe("FL_BAD_FRAMING");
    expect(judge("Transfer-Encoding: identity", "Transfer-Encoding: chunked")).toBe("FL_BAD_FRAMING");
  });

  test("H-C6/framing bytes above 0x7f around the coding are no white space", () => {
    for (const text of [
      "\xa0chunked",
      "chunked\xa0",
      "chunked\x85",
      "\xffchunked",
      "gzip,\xa0chunked",
      "chunked\xff",
    ])
      expect([text, judge(`Transfer-Encoding: ${text}`)]).toEqual([text, "FL_BAD_FRAMING"]);
  });

  test("H-C7/framing HTTP/1.0 has no transfer codings", () => {
    const head = parsedRequest(["Host: a", "Transfer-Encoding: chunked"], "HTTP/1.0");
    expect(judgeRequest(head)).toBe("FL_BAD_FRAMING");
  });

  test("H-D5/framing H-D6/framing an answer's framing is judged as strictly", () => {
    for (const fields of [
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      ["Content-Length: 5", "Content-Length: 6"],
    ].concat([
      ["Content-Length: x"],
      ["Transfer-Encoding: gzip, chunked"],
      ["Transfer-Encoding: chunked, chunked"],
    ]))
      expect([fields, judgeAnswer(...fields)]).toEqual([fields, "FL_BAD_RESPONSE"]);
    expect(judgeAnswer()).toBeNull();
    expect(framing.length).toBe(UNKNOWN_LENGTH);
    expect(judgeAnswer("Content-Length: 7")).toBeNull();
    expect(framing.length).toBe(7);
  });
});

describe("Connection", () => {
  const closes = (version: string, ...fields: string[]): boolean => {
    expect(judgeRequest(parsedRequest(["Host: a", ...fields], version))).toBeNull();
    return framing.close;
  };

  test("H-E13/framing H-E14/framing who closes", () => {
    for (const [version, field, expected] of [
      ["HTTP/1.1", "X: 1", false],
      ["HTTP/1.1", "Connection: close", true],
      ["HTTP/1.1", "Connection: CLOSE", true],
      ["HTTP/1.1", "Connection: keep-alive", false],
      ["HTTP/1.1", "Connection: keep-alive, close", true],
      ["HTTP/1.1", "Connection: close, keep-alive", true],
      ["HTTP/1.1", "Connection: x,\tClose ,y", true],
      ["HTTP/1.1", "Connection: closed", false],
      ["HTTP/1.1", "Connection: \xa0close", false],
      ["HTTP/1.0", "X: 1", true],
      ["HTTP/1.0", "Connection: keep-alive", false],
      ["HTTP/1.0", "Connection: x, Keep-Alive", false],
      ["HTTP/1.0", "Connection: keep-alive, close", true],
    ] as const)
      expect([version, field, closes(version, field)]).toEqual([version, field, expected]);
    expect(closes("HTTP/1.1", "Connection: x", "Connection: close")).toBe(true);
    expect(closes("HTTP/1.1", "Connection: close", "Connection: x")).toBe(true);
  });

  test("H-B9/framing fields that it names go, in any case and from every Connection field", () => {
    expect(kept("Connection: X-A, x-b", "x-a: 1", "X-B: 1", "X-C: 1", "X-A: 2")).toEqual(["Host", "X-C"]);
    expect(kept("X-A: 1", "Connection: X-A", "X-B: 1", "connection: x-b", "X-C: 1")).toEqual(["Host", "X-C"]);
    expect(kept("Connection: ,, X-A ,", "X-A: 1")).toEqual(["Host"]);
    expect(kept("Connection: \xa0x-a", "X-A: 1")).toEqual(["Host", "X-A"]);
  });

  test("H-B10/framing fields that a backend relies on stay", () => {
    const names = [
      "Authorization",
      "Content-Length",
      "X-Forwarded-For",
      "X-Forwarded-Anything",
      "Cookie",
      "X-Real-IP",
    ].concat(["Forwarded", "Via", "Content-Type", "X-Request-ID", "Expect"]);
    const fields = names.map((name) => `${name}: ${name === "Content-Length" ? "0" : "100-continue"}`);
    expect(kept(`Connection: Host, ${names.join(", ")}`, ...fields)).toEqual(["Host", ...names]);
  });

  test("H-F1/framing an upgrade needs both fields and HTTP/1.1", () => {
    const upgrades = (version: string, ...fields: string[]): boolean => {
      expect(judgeRequest(parsedRequest(["Host: a", ...fields], version))).toBeNull();
      return framing.upgrade;
    };
    expect(upgrades("HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket")).toBe(true);
    expect(upgrades("HTTP/1.1", "Upgrade: websocket", "Connection: keep-alive, upgrade")).toBe(true);
    expect(upgrades("HTTP/1.1", "Upgrade: websocket", "Connection: keep-alive", "Connection: upgrade")).toBe(
      true,
    );
    expect(upgrades("HTTP/1.1", "Connection: Upgrade")).toBe(false);
    expect(upgrades("HTTP/1.1", "Upgrade: websocket")).toBe(false);
    expect(upgrades("HTTP/1.1", "Upgrade: websocket", "Connection: keep-alive")).toBe(false);
    expect(upgrades("HTTP/1.0", "Connection: Upgrade", "Upgrade: websocket")).toBe(false);
  });

  test("H-D11/framing trailers are taken where TE says so", () => {
    for (const [value, expected] of [
      ["trailers", true],
      ["gzip, Trailers ;q=1", false],
      ["gzip,\tTRAILERS", true],
      ["x", false],
    ] as const) {
      expect(judge(`TE: ${value}`)).toBeNull();
      expect([value, framing.takesTrailers]).toEqual([value, expected]);
    }
    expect(judge()).toBeNull();
    expect(framing.takesTrailers).toBe(false);
  });
});

test("H-B14/framing H-B15/framing H-B16/framing expectations", () => {
  expect(judge("Expect: 100-continue")).toBeNull();
  expect(framing.expectsContinue).toBe(true);
  expect(judge("Expect: 100-Continue")).toBeNull();
  for (const text of ["", "x", "100-continue, x", '"100-continue"', "100-continue\xa0"])
    expect([text, judge(`Expect: ${text}`)]).toEqual([text, "FL_EXPECTATION_FAILED"]);
  expect(judge("Expect: 100-continue", "Expect: 100-continue")).toBe("FL_EXPECTATION_FAILED");
  expect(judge()).toBeNull();
  expect(framing.expectsContinue).toBe(false);
  const old = parsedRequest(["Expect: x"], "HTTP/1.0");
  expect(judgeRequest(old)).toBeNull();
  expect([old.fields(), framing.expectsContinue]).toEqual([[], false]);
});

test("a long run of white space in a list is read in linear time", () => {
  const started = performance.now();
  for (let round = 0; round < 20; round++)
    expect(judge(`Connection: a${" ".repeat(30_000)}b`, `TE: a${"\t".repeat(30_000)}b`)).toBeNull();
  // A quadratic way takes seconds.
  expect(performance.now() - started).toBeLessThan(2_000);
});
