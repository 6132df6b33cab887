import { afterEach, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import type { AccessLogPlan } from "../core/plan.ts";
import { accessLogOf } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { AccessLog, type AccessRecord } from "./access_log.ts";
import { LONGEST_LINE_BYTES } from "./access_line.ts";
import { KeptText } from "./access_record.ts";
import { openLogFile } from "./log_file.ts";
import type { LogSink } from "./log_sink.ts";
import { headlessRecord, testRecord } from "./test_access_record.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-access-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const START = Date.UTC(2026, 10, 25, 12, 0, 0, 7);

const planOf = (changes: Partial<AccessLogPlan> = {}) => accessLogOf("unused", changes);

/** Takes everything and keeps each write. */
class MemorySink implements LogSink {
  readonly writeBytes = 64 * 1024;
  readonly problem = null;
  readonly writes: string[] = [];
  write(bytes: Uint8Array, from: number, to: number): number {
    this.writes.push(Buffer.from(bytes.subarray(from, to)).latin1Slice());
    return to - from;
  }
  close(): void {}
}

function lines(plan: AccessLogPlan, records: readonly AccessRecord[], endedMs = 0): string[] {
  const sink = new MemorySink();
  const log = new AccessLog(plan, new ManualClock(START));
  log.openSink(sink);
  for (const record of records) log.write(record, endedMs);
  log.close();
  const text = sink.writes.join("");
  expect(text.endsWith("\n")).toBe(true);
  return text.slice(0, -1).split("\n");
}

const jsonLine = (record: AccessRecord, changes: Partial<AccessLogPlan> = {}, endedMs = 0) =>
  JSON.parse(lines(planOf(changes), [record], endedMs)[0]!);

const clfLine = (record: AccessRecord, changes: Partial<AccessLogPlan> = {}, endedMs = 0) =>
  lines(planOf({ format: "clf", ...changes }), [record], endedMs)[0]!;

const FULL = testRecord(
  {
    method: "POST",
    target: "/a/b?x=1",
    host: "www.example.com:8443",
    id: "0123456789abcdef",
    fields: [
      ["User-Agent", "curl/8.0"],
      ["referer", "https://example.com/?token=abc&x=1"],
      ["X-Tenant", "blue"],
    ],
  },
  {
    status: 502,
    bytesIn: 1_234,
    bytesOut: 5_678_901_234,
    startedMs: 100,
    queueMs: 1.5,
    connectMs: 2.25,
    firstByteMs: 3.125,
    routeName: "api",
    poolName: "web",
    backendId: "web1",
    reason: "FL_UPSTREAM_CLOSED",
    retries: 2,
    user: "alice",
    tlsVersion: "1.3",
  },
);

test("a JSON line has every field with its value", () => {
  expect(jsonLine(FULL, { headers: ["x-tenant", "x-absent"] }, 112.3456)).toEqual({
    time: "2026-11-25T12:00:00.119Z",
    id: "0123456789abcdef",
    client: "192.0.2.7",
    method: "POST",
    host: "www.example.com:8443",
    path: "/a/b?x=1",
    protocol: "HTTP/1.1",
    status: 502,
    bytes_in: 1_234,
    bytes_out: 5_678_901_234,
    duration_ms: 12.346,
    queue_ms: 1.5,
    connect_ms: 2.25,
    first_byte_ms: 3.125,
    other_ms: 5.471,
    route: "api",
    pool: "web",
    backend: "web1",
    retries: 2,
    reason: "FL_UPSTREAM_CLOSED",
    user: "alice",
    tls: "1.3",
    user_agent: "curl/8.0",
    headers: { "x-tenant": "blue" },
  });
});

test("what a request does not have is a dash or empty", () => {
  const found = jsonLine(headlessRecord({ status: 400, reason: "FL_BAD_REQUEST_LINE" }));
  expect(found).toMatchObject({
    method: "",
    path: "",
    host: "",
    route: "-",
    pool: "-",
    backend: "-",
    tls: "-",
    user: "",
    user_agent: "",
    reason: "FL_BAD_REQUEST_LINE",
  });
  expect(found.headers).toBeUndefined();
  expect(jsonLine(testRecord()).reason).toBe("-");
});

test("a CLF line is the combined format with our fields behind it", () => {
  expect(clfLine(FULL, { headers: ["x-tenant", "x-absent"] }, 112.3456)).toBe(
    '192.0.2.7 - alice [25/Nov/2026:12:00:00 +0000] "POST /a/b?x=1 HTTP/1.1" 502 5678901234 ' +
      '"https://example.com/?token=REDACTED&x=1" "curl/8.0" ' +
      '"api" "web/web1" FL_UPSTREAM_CLOSED 12.346 "0123456789abcdef" "blue" "-"',
  );
  expect(clfLine(headlessRecord({ status: 408, client: { address: "" } }))).toBe(
    '- - - [25/Nov/2026:12:00:00 +0000] "-" 408 0 "-" "-" "-" "-" - 0 "id"',
  );
});

test("H-J12/log every code of the error table can be the reason of a line", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const records = codes.map((reason) => testRecord({}, { reason, status: ERRORS[reason].status }));
  for (const format of ["json", "clf"] as const) {
    const found = lines(planOf({ format }), records);
    expect(found.length).toBe(codes.length);
    for (const [index, code] of codes.entries()) expect(found[index]!).toContain(code);
  }
});

test("H-J12/log the parts of a duration add up to it, whatever was measured", () => {
  const time = fc.double({ min: 0, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(time, time, time, time, (duration, queueMs, connectMs, firstByteMs) => {
      const found = jsonLine(testRecord({}, { queueMs, connectMs, firstByteMs }), {}, duration);
      const micros = (name: string): number => Math.round(found[`${name}_ms`] * 1000);
      expect(micros("queue") + micros("connect") + micros("first_byte") + micros("other")).toBe(
        micros("duration"),
      );
      expect(micros("duration")).toBe(Math.round(duration * 1000));
    }),
  );
});

const anyByte = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
});

test("H-J15 every line is one line of valid JSON and gives back what was sent, byte for byte", () => {
  const part = fc.record({ method: anyByte, target: anyByte, host: anyByte, id: anyByte, value: anyByte });
  fc.assert(
    fc.property(part, fc.string({ unit: "binary" }), ({ value, ...request }, user) => {
      const fields = [
        ["User-Agent", value],
        ["X-One", value],
        ["x-one", "second"],
      ] as const;
      const record = testRecord({ ...request, fields }, { user });
      const [line, ...more] = lines(planOf({ redact_query: [], headers: ["x-one"] }), [record]);
      expect(more).toEqual([]);
      const found = JSON.parse(line!);
      expect(line).toMatch(/^[ -~]+$/);
      expect([found.method, found.host, found.id, found.user, found.user_agent]).toEqual([
        request.method,
        request.host,
        request.id,
        user,
        value,
      ]);
      // Userinfo is left out on purpose.
      if (!/^[^/]*@/.test(request.target)) expect(found.path).toBe(request.target);
      expect(found.headers["x-one"]).toBe(`${value}, second`);
      expect(Object.keys(found).length).toBe(24);
    }),
    { numRuns: 500 },
  );
});

test("H-J15 a line of the common log format cannot be forged", () => {
  const injection = '/" 200 0 "-" "-"\r\n192.0.2.1 - - [x] "GET /';
  const forged = testRecord(
    { target: injection, method: 'G"T', fields: [["User-Agent", 'x" "y\\"\n']] },
    { user: 'a b" -\n' },
  );
  const [line, ...more] = lines(planOf({ format: "clf" }), [forged]);
  expect(more).toEqual([]);
  const pattern =
    /^(\S+) - (\S+) \[[^\]]+\] "([^"]*)" (\d+) (\d+) "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)" (\S+) ([\d.]+) "([^"]*)"$/;
  const found = pattern.exec(line!)!;
  expect(found).not.toBeNull();
  expect(found[3]!.replace(/\\x(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))).toBe(
    `G"T ${injection} HTTP/1.1`,
  );
  fc.assert(
    fc.property(anyByte, anyByte, fc.string({ unit: "binary" }), (target, agent, user) => {
      const record = testRecord({ target, fields: [["user-agent", agent]] }, { user });
      const written = lines(planOf({ format: "clf" }), [record]);
      expect(written.length).toBe(1);
      expect(written[0]).toMatch(pattern);
    }),
    { numRuns: 300 },
  );
});

test("H-J14/log secret fields and query parameters are redacted by default, in any case", () => {
  const record = testRecord({
    target: "/login?user=a&Password=hunter2&access_token=t0k3n",
    fields: [
      ["AUTHORIZATION", "Basic c2VjcmV0"],
      ["cookie", "sid=s3ss10n"],
      ["X-Api-Key", "k3y"],
      ["Referer", "https://a:hunter2@example.com/?token=t0k3n"],
      ["X-Plain", "plain"],
    ],
  });
  const headers = ["authorization", "cookie", "x-api-key", "referer", "x-plain"];
  const found = jsonLine(record, { headers });
  expect(found.path).toBe("/login?user=a&Password=REDACTED&access_token=REDACTED");
  expect(found.headers).toEqual({
    authorization: "REDACTED",
    cookie: "REDACTED",
    "x-api-key": "REDACTED",
    referer: "https://REDACTED@example.com/?token=REDACTED",
    "x-plain": "plain",
  });
  for (const line of [JSON.stringify(found), clfLine(record, { headers })]) {
    for (const secret of ["hunter2", "t0k3n", "c2VjcmV0", "s3ss10n", "k3y"])
      expect(line).not.toContain(secret);
    expect(line).toContain("plain");
  }
});

test("H-J14/log user agent and referrer are redacted where that is configured", () => {
  const fields = [
    ["User-Agent", "s3cr3t"],
    ["Referer", "s3cr3t"],
  ] as const;
  const changes = { redact: ["user-agent", "referer"], headers: ["referer", "user-agent"] };
  expect(jsonLine(testRecord({ fields }), changes)).toMatchObject({
    user_agent: "REDACTED",
    headers: { referer: "REDACTED", "user-agent": "REDACTED" },
  });
  expect(clfLine(testRecord({ fields }), changes)).not.toContain("s3cr3t");
});

test("fields that are not sent on to the backend are logged", () => {
  const record = testRecord({ fields: [["X-Forwarded-For", "198.51.100.1"]] });
  expect(jsonLine(record, { headers: ["x-forwarded-for"] }).headers["x-forwarded-for"]).toBe("198.51.100.1");
});

test("the longest possible line stays within its limit and is valid", () => {
  const long = "\x01".repeat(100_000);
  const names = Array.from({ length: 300 }, (_, index) => `x-field-${index}`);
  const record = testRecord(
    {
      method: long,
      target: `http://u@h/${long}?token=a&${"token=b&".repeat(5_000)}`,
      host: long,
      id: long,
      fields: [["User-Agent", long], ["Referer", long], ...names.map((name) => [name, long] as const)],
    },
    {
      user: long,
      routeName: long,
      poolName: long,
      backendId: long,
      client: { address: long },
      protocol: long,
      tlsVersion: long,
      bytesIn: Number.MAX_SAFE_INTEGER,
      bytesOut: Number.MAX_SAFE_INTEGER,
      decider: { name: long, version: Number.MAX_SAFE_INTEGER },
      decision: {
        type: long,
        rule: long,
        url_rules: Array.from({ length: 1_000 }, () => long),
        stack: long,
        flavor: long,
        is_fallback: true,
      },
    },
  );
  for (const format of ["json", "clf"] as const) {
    for (const headers of [
      names,
      Array.from({ length: 9_000 }, (_, index) => `absent-${index}`),
      ["x-field-0"],
    ]) {
      const [line, ...more] = lines(planOf({ format, headers }), [record], 1e12);
      expect(more).toEqual([]);
      expect(line!.length).toBeLessThan(LONGEST_LINE_BYTES);
      if (format === "json") expect(JSON.parse(line!).path).toEndWith("...");
    }
  }
});

test("a decision stands behind the rest of a line, before its share", () => {
  const decider = { name: 'a "1"', version: 7 };
  const decision = {
    type: "PATH_RULE",
    rule: "two",
    url_rules: ["one", "Default"],
    stack: "/EU/z1",
    flavor: "1.0",
    is_fallback: true,
  };
  const sample = { share: 0.25, from_status: 400, slower_than_ms: 0 };
  const plan = { headers: ["x-a"], sample };
  const record = testRecord({ fields: [["X-A", "b"]] }, { status: 500, decider, decision });
  expect(jsonLine(record, plan)).toMatchObject({
    headers: { "x-a": "b" },
    decision: {
      app: 'a "1"',
      version: 7,
      type: "PATH_RULE",
      rule: "two",
      url_rules: ["one", "Default"],
      stack: "/EU/z1",
      flavor: "1.0",
      fallback: true,
    },
    sample: 1,
  });
  expect(clfLine(record, plan)).toEndWith(
    ' "b" "a\\x20\\x221\\x22 7 PATH_RULE two one,Default /EU/z1 1.0 fallback" 1',
  );
  for (const rule of ["two", '"\u00e9\n'.repeat(1_000)]) {
    // The second line is made of what the first one kept.
    const once = testRecord({}, { status: 500, decider, decision: { ...decision, rule } });
    const often = testRecord(
      {},
      { status: 500, decider, decision: { ...decision, rule, kept: new KeptText() } },
    );
    expect([jsonLine(often, plan), jsonLine(often, plan)]).toEqual([
      jsonLine(once, plan),
      jsonLine(once, plan),
    ]);
  }
  const refused = testRecord({}, { decider, decision: "no_host" });
  expect(jsonLine(refused).decision).toEqual({ app: 'a "1"', version: 7, refused: "no_host" });
  expect(clfLine(refused)).toEndWith('"a\\x20\\x221\\x22 7 no_host"');
  const nobody = testRecord({}, { decision: "unknown_application" });
  expect(jsonLine(nobody).decision).toEqual({ refused: "unknown_application" });
  expect(clfLine(nobody)).toEndWith('"- 0 unknown_application"');
  expect("decision" in jsonLine(testRecord())).toBe(false);
});

test("names that many lines have stand in each of them, also after others came between", () => {
  const names = [
    ...Array.from({ length: 40 }, () => ({ routeName: "a" })),
    { routeName: "b" },
    ...Array.from({ length: 20 }, () => ({ routeName: "a", backendId: "x" })),
    { routeName: "a", backendId: "x", user: "ann" },
    { routeName: "a", backendId: "x", retries: 2 },
    { routeName: "a", backendId: "x", tlsVersion: "1.3" },
  ];
  const records = names.map((each) => testRecord({}, each));
  expect(lines(planOf(), records)).toEqual(records.flatMap((record) => lines(planOf(), [record])));
});

test("RD138 of private requests queries are left out, and fields that give access are secret", () => {
  const record = testRecord(
    {
      target: "/a?x=1",
      fields: [
        ["X-Access-Token", "t"],
        ["Referer", "http://b/?y=2"],
        ["X-Kind", "k"],
      ],
    },
    { isPrivate: true },
  );
  const plan = { headers: ["x-access-token", "referer", "x-kind"], redact: [], redact_query: [] };
  expect(jsonLine(record, plan)).toMatchObject({
    path: "/a",
    headers: { "x-access-token": "REDACTED", referer: "http://b/", "x-kind": "k" },
  });
  const line = clfLine(record, plan);
  expect(line).toContain('"GET /a HTTP/1.1"');
  expect(line).toEndWith('"REDACTED" "http://b/" "k"');
});

test("a target of 8 KiB is logged whole", () => {
  const target = `/${"a".repeat(8_191)}`;
  expect(jsonLine(testRecord({ target })).path).toBe(target);
});

test("the time of day follows the calendar clock, also when it is set back", () => {
  const clock = new ManualClock(START);
  const sink = new MemorySink();
  const log = new AccessLog(planOf({ flush_ms: 250 }), clock, undefined);
  log.openSink(sink);
  const at = () => log.write(testRecord({}, { startedMs: clock.now() }), clock.now());
  at();
  clock.advance(992.6);
  at();
  clock.advance(0.5);
  at();
  clock.setWall(Date.UTC(2020, 0, 1));
  clock.advance(250);
  at();
  log.close();
  const times = sink.writes
    .join("")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).time);
  expect(times.slice(0, 3)).toEqual([
    "2026-11-25T12:00:00.007Z",
    "2026-11-25T12:00:00.999Z",
    "2026-11-25T12:00:01.000Z",
  ]);
  expect(times[3]).toStartWith("2020-01-01T00:00:00.");
});

test("lines are written after the flush time, or when the buffer is full", () => {
  const clock = new ManualClock(START);
  const sink = new MemorySink();
  const log = new AccessLog(planOf({ flush_ms: 250, buffer_bytes: 2_000 }), clock);
  log.openSink(sink);
  log.write(testRecord(), 0);
  expect(sink.writes.length).toBe(0);
  clock.advance(249);
  expect(sink.writes.length).toBe(0);
  clock.advance(1);
  expect(sink.writes.length).toBe(1);
  let written = 0;
  while (sink.writes.length === 1 && written < 100) {
    log.write(testRecord(), 0);
    written++;
  }
  expect(sink.writes[1]!.length).toBeGreaterThanOrEqual(2_000);
  expect(sink.writes[1]!.trimEnd().split("\n").length).toBe(written);
  log.close();
});

test("other settings act on the next line and lose none", () => {
  const sink = new MemorySink();
  const clock = new ManualClock(START);
  const log = new AccessLog(planOf({ buffer_bytes: 200_000 }), clock);
  log.openSink(sink);
  for (let index = 0; index < 300; index++) log.write(testRecord(), 0);
  log.configure(planOf({ format: "clf", buffer_bytes: 1_000, flush_ms: 50 }));
  log.write(testRecord(), 0);
  log.close();
  const found = sink.writes.join("").trimEnd().split("\n");
  expect(found.length).toBe(301);
  expect(found.slice(0, 300).every((line) => line.startsWith("{"))).toBe(true);
  expect(found[300]).toStartWith("192.0.2.7 - ");
});

test("a file is appended to, and reopening after a rename goes on in a new file", () => {
  const path = join(folder, "access.log");
  const log = new AccessLog(planOf(), new ManualClock(START));
  log.write(testRecord({ target: "/before-open" }), 0);
  log.open(openLogFile(path));
  log.write(testRecord({ target: "/one" }), 0);
  renameSync(path, `${path}.1`);
  log.open(openLogFile(path));
  log.write(testRecord({ target: "/two" }), 0);
  log.close();
  const paths = (file: string): string[] =>
    readFileSync(file, "latin1")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).path);
  expect(paths(`${path}.1`)).toEqual(["/before-open", "/one"]);
  expect(paths(path)).toEqual(["/two"]);
});

test("several writers append whole lines to one file", () => {
  const path = join(folder, "shared.log");
  const logs = [0, 1, 2].map(() => new AccessLog(planOf({ buffer_bytes: 4_096 }), new ManualClock(START)));
  for (const log of logs) log.open(openLogFile(path));
  for (let index = 0; index < 3_000; index++) {
    logs[index % 3]!.write(testRecord({ target: `/${index}`, id: "x".repeat(index % 400) }), 0);
  }
  for (const log of logs) log.close();
  const numbers = readFileSync(path, "latin1")
    .trimEnd()
    .split("\n")
    .map((line) => Number(JSON.parse(line).path.slice(1)));
  expect(numbers.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 3_000 }, (_, index) => index),
  );
});

// Sampling.

const SAMPLE = { share: 0.25, from_status: 400, slower_than_ms: 1_000 };

/** Numbers for a test: these in turn, again and again. */
function inTurn(...numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

/** What is logged of records, as parsed lines, and how many are left out. */
function sampled(records: readonly AccessRecord[], random: () => number, endedMs = 0) {
  const sink = new MemorySink();
  let leftOut = 0;
  const events = { dropped() {}, failing() {}, recovered() {}, sampledOut: () => void leftOut++ };
  const log = new AccessLog(planOf({ sample: SAMPLE }), new ManualClock(START), events, random);
  log.openSink(sink);
  for (const record of records) log.write(record, endedMs);
  log.close();
  const text = sink.writes.join("").trimEnd();
  return { logged: text === "" ? [] : text.split("\n").map((line) => JSON.parse(line)), leftOut };
}

test("a share of the ordinary requests is logged and says the share; the others are counted", () => {
  const records = [200, 204, 304, 399].map((status) => testRecord({ id: `${status}` }, { status }));
  const { logged, leftOut } = sampled(records, inTurn(0.1, 0.25, 0.9, 0.2499));
  expect(logged.map(({ id, sample }) => [id, sample])).toEqual([
    ["200", 0.25],
    ["399", 0.25],
  ]);
  expect(leftOut).toBe(2);
});

test.each([
  ["an error", testRecord({}, { status: 400 }), 0],
  ["a fault of a backend", testRecord({}, { status: 502, reason: "FL_UPSTREAM_CLOSED" }), 0],
  ["an answer that was cut", testRecord({}, { status: 200, reason: "FL_UPSTREAM_TRUNCATED" }), 0],
  ["a request that was tried again", testRecord({}, { retries: 1 }), 0],
  ["a slow request", testRecord(), 1_000],
])("%s is logged always, chance is not asked", (_, record, endedMs) => {
  const random = () => {
    throw new Error("asked");
  };
  expect(sampled([record], random, endedMs)).toMatchObject({ logged: [{ sample: 1 }], leftOut: 0 });
});

test("what is below the status and the duration is left to chance, whatever its reason", () => {
  const plan = { sample: { share: 0, from_status: 500, slower_than_ms: 0 } };
  const records = [
    testRecord({ id: "a" }, { status: 404, reason: "FL_NO_ROUTE" }),
    testRecord({ id: "b" }, { status: 500 }),
  ];
  const found = lines(planOf(plan), records, 3_600_000).map((line) => JSON.parse(line));
  expect(found.map(({ id }) => id)).toEqual(["b"]);
});

test("lines say nothing of a share when all are logged; in CLF the share is the last column", () => {
  expect(jsonLine(testRecord())).not.toHaveProperty("sample");
  const sample = { share: 1, from_status: 400, slower_than_ms: 0 };
  const fields = { headers: ["x-a"], sample };
  expect(clfLine(testRecord({ id: "i" }), fields)).toEndWith(' "i" "-" 1');
  expect(jsonLine(testRecord({ fields: [["X-A", "b"]] }), fields)).toMatchObject({
    headers: { "x-a": "b" },
    sample: 1,
  });
});

test("a reload turns sampling on and off", () => {
  const sink = new MemorySink();
  const log = new AccessLog(planOf(), new ManualClock(START), undefined, () => 0.5);
  log.openSink(sink);
  const ids = (from: number) =>
    sink.writes
      .join("")
      .trimEnd()
      .split("\n")
      .slice(from)
      .map((line) => JSON.parse(line).id);
  log.write(testRecord({ id: "1" }), 0);
  log.configure(planOf({ sample: SAMPLE }));
  log.write(testRecord({ id: "2" }), 0);
  log.write(testRecord({ id: "3" }, { status: 500 }), 0);
  log.configure(planOf());
  log.write(testRecord({ id: "4" }), 0);
  log.close();
  expect(ids(0)).toEqual(["1", "3", "4"]);
});
