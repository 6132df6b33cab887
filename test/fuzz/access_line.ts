/** Fuzz entry of the access log: any bytes as parts of a request; what is written must be one line that reads back. */
import { DEFAULT_ACCESS_LOG } from "../../src/core/defaults.ts";
import type { AccessLogPlan } from "../../src/core/plan.ts";
import { LONGEST_LINE_BYTES } from "../../src/observe/access_line.ts";
import { ClfLineFormat } from "../../src/observe/access_line_clf.ts";
import { JsonLineFormat } from "../../src/observe/access_line_json.ts";
import { lineOutput } from "../../src/observe/line_bytes.ts";
import { testRecord } from "../../src/observe/test_access_record.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const PLAN: AccessLogPlan = { path: "/log", ...DEFAULT_ACCESS_LOG, headers: ["x-one", "referer", "cookie"] };
const json = new JsonLineFormat(PLAN);
const clf = new ClfLineFormat({ ...PLAN, format: "clf" });
const output = lineOutput(LONGEST_LINE_BYTES + 64);
const WALL_MS = 1_700_000_000_000;
/** Client, dash, user, time, request line, status, bytes, and the quoted columns behind them. */
const CLF = /^\S+ - \S+ \[[^\]]+\] "[^"]*" \d+ \d+( "[^"]*"){4} \S+ \d+(\.\d{3})? "[^"]*"( "[^"]*"){3}\n$/;

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  const parts = Buffer.from(bytes).toString("latin1").split("\n");
  const [method = "", target = "", host = "", id = "", agent = "", referer = "", one = "", user = ""] = parts;
  const fields = [
    ["User-Agent", agent],
    ["Referer", referer],
    ["X-One", one],
    ["x-one", user],
    ["Cookie", "crumbs"],
  ] as const;
  // Names of users and addresses are text of any kind.
  const decoded = new TextDecoder().decode(bytes);
  const record = testRecord(
    { method, target, host, id, fields },
    { user: decoded, client: { address: user }, routeName: "r", poolName: "p", backendId: "b" },
  );
  const line = lineOf(json.write(output, 0, record, WALL_MS, 1, bytes.length % 2 === 0));
  const found = JSON.parse(line) as Record<string, unknown>;
  check(/^[ -~]+\n$/.test(line), "a line with bytes that are no printable ASCII");
  check(!line.includes("crumbs"), "a secret field stands in the log");
  check(typeof found["path"] === "string" && found["status"] === 200, "a line without its parts");
  if (!(found["host"] as string).endsWith("...")) check(found["host"] === host, "the host reads differently");
  const text = lineOf(clf.write(output, 0, record, WALL_MS, 1, false));
  check(CLF.test(text), `a line that is no common log format: ${JSON.stringify(text)}`);
  check(!text.includes("crumbs"), "a secret field stands in the log");
  return `${line.includes("[redacted]")} ${line.includes("...")}`;
}

function lineOf(end: number): string {
  check(end <= LONGEST_LINE_BYTES, `a line of ${end} bytes is longer than the longest`);
  return Buffer.from(output.bytes.subarray(0, end)).toString("latin1");
}

export const accessLine: FuzzEntry = {
  name: "access_line",
  run,
  seeds: () =>
    [
      "GET\n/a?token=x&b=1\nexample.com\n0123\ncurl/8\nhttp://a.example/?password=1\none\nanna",
      'P"OST\n/\\"\u0000\n\u00ff\nid\n\u001b[31m\n?api_key=%00\n","x":"\n\u2028\ud83d\ude00',
    ].map((text) => new TextEncoder().encode(text)),
  tokens: [
    '"',
    "\\",
    "\n",
    "\0",
    "\x1b",
    "\x7f",
    "?token=",
    "&password=",
    "%2",
    "access_token",
    ";",
    "#",
    "://",
    "@",
  ],
  maxLength: 100_000,
};
