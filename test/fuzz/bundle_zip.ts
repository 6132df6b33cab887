/** Fuzz entry of zip files: any bytes as a bundle. Nothing beyond the limits is held, and what was read is the same written again. */
import { readZip, writeZip, ZipProblem } from "../../src/planes/redirect/offline/zip.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const LIMITS = { max_entries: 20, max_entry_bytes: 2_000, max_bytes: 4_000 };
const encoder = new TextEncoder();

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  let files: ReadonlyMap<string, Uint8Array>;
  try {
    files = readZip(bytes, (name) => !name.startsWith("unwanted"), LIMITS);
  } catch (error) {
    if (!(error instanceof ZipProblem)) throw error;
    check(!/[\n\r]/.test(error.message) && error.message.length < 500, "a refusal that is no sentence");
    return `refused ${error.message.slice(0, 12)}`;
  }
  check(files.size <= LIMITS.max_entries, "too many entries");
  let total = 0;
  for (const [name, content] of files) {
    check(!name.startsWith("/") && !name.split("/").includes(".."), "a name that leads out of its folder");
    check(content.length <= LIMITS.max_entry_bytes, "an entry beyond the limit");
    total += content.length;
  }
  check(total <= LIMITS.max_bytes, "all entries together are beyond the limit");
  const again = readZip(writeZip(files), () => true, LIMITS);
  check(again.size === files.size, "reads differently");
  for (const [name, content] of files) check(Bun.deepEquals(again.get(name), content), "reads differently");
  return `read ${files.size}`;
}

const file = (files: Readonly<Record<string, string>>): Uint8Array =>
  writeZip(new Map(Object.entries(files).map(([name, text]) => [name, encoder.encode(text)])));

export const bundleZip: FuzzEntry = {
  name: "bundle_zip",
  run,
  seeds: () => [
    file({ "applications.json": '{"apps":["a1"]}', "a1/whitelist.xml": "<whitelisted/>" }),
    file({ "a1/selectserver.xml": "x".repeat(1_500), unwanted: "y" }),
    file({}),
  ],
  tokens: [
    "PK\u0003\u0004",
    "PK\u0001\u0002",
    "PK\u0005\u0006",
    "../",
    "\u00ff\u00ff\u00ff\u00ff",
    "\u0008\u0000",
  ],
};
