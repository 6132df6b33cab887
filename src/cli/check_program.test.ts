/** `fairlead check` with the parts of the real program. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parts } from "../composition.ts";
import type { ConfigParts } from "../config/parts.ts";
import { certificateReader } from "../platform/certificate_reader.ts";
import { CERTIFICATE_A, ENCRYPTED_KEY, KEY_A, KEY_B } from "../platform/test_certificates.ts";
import { checkCommand } from "./check.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

async function check(
  files: Readonly<Record<string, string>>,
  changes: Partial<ConfigParts> = {},
  args: readonly string[] = [],
): Promise<{ code: number; lines: string[] }> {
  const home = join(folder, String(++count));
  mkdirSync(home);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  let out = "";
  const output = { out: (text: string) => void (out += text), error: (text: string) => void (out += text) };
  const code = await checkCommand(
    ["-c", join(home, "f.yaml"), ...args],
    { ...(await parts.config()), ...changes },
    output,
    {},
  );
  return { code, lines: out.replaceAll(`${home}/`, "").trimEnd().split("\n") };
}

const regexes = (number: number): string =>
  `listeners: { web: { address: ":8080" } }\nroutes:\n${Array.from(
    { length: number },
    (_, index) => `  - { match: "PathRegexp(\`^/v[0-9]+/${index}\`)", respond: ready }\n`,
  ).join("")}`;

test("more than 100 regexes in rules are a warning, with exit code 0; each is counted once", async () => {
  expect(await check({ "f.yaml": regexes(100) })).toEqual({
    code: 0,
    lines: ["f.yaml: ok: 1 listener, 0 pools, 100 routes"],
  });
  const text = `${regexes(101)}  - { match: "PathRegexp(\`^/v[0-9]+/7\`) && Method(\`GET\`)", respond: ready }\n`;
  const message =
    "101 different regexes stand in rules; above 100 they cost noticeable time per request, so prefer Host, Path and PathPrefix";
  expect(await check({ "f.yaml": text })).toEqual({
    code: 0,
    lines: [`warning: f.yaml:2:1: routes: ${message}`, "f.yaml: ok: 1 listener, 0 pools, 102 routes"],
  });
  const json = await check({ "f.yaml": text }, {}, ["--json"]);
  expect(json.code).toBe(0);
  expect(JSON.parse(json.lines.join("\n"))).toMatchObject({
    ok: true,
    problems: [],
    warnings: [{ source: "f.yaml", line: 2, column: 1, path: "routes", message }],
  });
});

const SECURE =
  'listeners: { web: { address: ":8443", tls: { certificates: [{ cert: a.crt, key: a.key }] } } }\n';
const CERT = "f.yaml:1:69: listeners.web.tls.certificates[0].cert: a.crt";
const KEY = "f.yaml:1:81: listeners.web.tls.certificates[0].key: a.key";

test("a certificate and its key that can be used are good", async () => {
  const result = await check({ "f.yaml": SECURE, "a.crt": CERTIFICATE_A, "a.key": KEY_A });
  expect(result).toEqual({ code: 0, lines: ["f.yaml: ok: 1 listener, 0 pools, 0 routes"] });
});

test.each([
  ["of another certificate", KEY_B, `${KEY} is not the key of the certificate of CN=a.example; expected`],
  ["with a passphrase", ENCRYPTED_KEY, `${KEY} is encrypted; expected a private key without a passphrase`],
  ["that is none", "secret", `${KEY} holds no private key that can be read; expected PEM text`],
])("a key %s is one sentence, and exit code 1", async (_, key, sentence) => {
  const { code, lines } = await check({ "f.yaml": SECURE, "a.crt": CERTIFICATE_A, "a.key": key });
  expect(code).toBe(1);
  expect(lines).toEqual([expect.stringContaining(sentence), "f.yaml: 1 problem"]);
  expect(lines.join()).not.toContain("secret");
});

test("a key that is not there and a certificate that is none are told at once", async () => {
  const { code, lines } = await check({ "f.yaml": SECURE, "a.crt": "x" });
  expect(code).toBe(1);
  expect(lines).toEqual([
    `${CERT} holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----`,
    "f.yaml:1:81: listeners.web.tls.certificates[0].key: cannot read a.key: no such file",
    "f.yaml: 2 problems",
  ]);
});

test("a certificate that has expired is a warning that names it and the day", async () => {
  const later = certificateReader(() => Date.parse("2200-01-01"));
  const files = { "f.yaml": SECURE, "a.crt": CERTIFICATE_A, "a.key": KEY_A };
  expect(await check(files, { certificates: later })).toEqual({
    code: 0,
    lines: [
      `warning: ${CERT} (CN=a.example) expired on 2126-11-01 13:45 UTC; expected one that is valid now`,
      "f.yaml: ok: 1 listener, 0 pools, 0 routes",
    ],
  });
});

test("users and groups that the machine does not have are told with their place", async () => {
  const listeners = (owner: string) => `listeners: { web: { address: "unix:/run/f.sock"${owner} } }\n`;
  expect(
    await check({ "f.yaml": `user: root\ngroup: 12345\n${listeners(", user: '0', group: root")}` }),
  ).toEqual({
    code: 0,
    lines: ["f.yaml: ok: 1 listener, 0 pools, 0 routes"],
  });
  const bad = `user: nosuchuser\ngroup: nosuchgroup\n${listeners(", user: nobodyelse")}`;
  expect(await check({ "f.yaml": bad })).toEqual({
    code: 1,
    lines: [
      "f.yaml:1:7: user: no user named nosuchuser",
      "f.yaml:2:8: group: no group named nosuchgroup",
      "f.yaml:3:56: listeners.web.user: no user named nobodyelse",
      "f.yaml: 3 problems",
    ],
  });
});
