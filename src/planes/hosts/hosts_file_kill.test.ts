/** kill -9 at any moment of a write, by rename and in place: real processes, a real mount. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireRoot, requireTool } from "../../../test/support/require.ts";
import { seededRandom } from "../../core/strategies/random.ts";
import type { WritingWay } from "./hosts_file.ts";
import { isTorn } from "./journal.ts";

const MAIN = join(import.meta.dir, "../../../test/support/hosts_writer_main.ts");
const KILLS = 200;
const NAMES = 300;
/** Some writes long. */
const LONGEST_MS = 25;
const PATIENCE = 180_000;
const LOCAL = `127.0.0.1 localhost\n${"# a line of somebody else\n".repeat(400)}`;

function textFor(address: string): string {
  const lines = Array.from({ length: NAMES }, (_, index) => `${address}  n${index}.test\n`).join("");
  return `${LOCAL}# BEGIN FAIRLEAD MANAGED BLOCK\n${lines}# END FAIRLEAD MANAGED BLOCK\n`;
}

/** All that the file may ever be when nobody writes. */
const WHOLE: ReadonlySet<string> = new Set([LOCAL, textFor("10.0.0.1"), textFor("10.200.200.200")]);

interface Started {
  readonly way: WritingWay;
  /** The file after the program has opened it. */
  readonly text: string;
}

async function startAndKill(words: readonly string[], afterMs: number): Promise<Started> {
  const child = Bun.spawn([...words], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of child.stdout) {
    said += new TextDecoder().decode(chunk);
    if (said.includes("\n")) break;
  }
  await Bun.sleep(afterMs);
  child.kill("SIGKILL");
  await child.exited;
  return JSON.parse(said.slice(0, said.indexOf("\n"))) as Started;
}

test(
  "HF25 killed at 200 random moments, by rename: the file is old or new, and no stray file outlives the next start",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-kill-"));
    const path = join(directory, "hosts");
    writeFileSync(path, LOCAL);
    const random = seededRandom(25);
    const seen = new Set<string>();
    let strays = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const words = [process.execPath, MAIN, path, join(directory, "state"), String(NAMES)];
      const { way, text } = await startAndKill(words, random() * LONGEST_MS);
      expect([way, WHOLE.has(text)]).toEqual(["rename", true]);
      const now = readFileSync(path, "utf8");
      expect(WHOLE.has(now)).toBe(true);
      seen.add(now);
      const left = readdirSync(directory).filter((name) => name.startsWith(".hosts.fairlead-"));
      strays += left.length;
      expect(left.length).toBeLessThanOrEqual(1);
    }
    // The kills have met writes.
    expect(seen.size).toBeGreaterThan(1);
    expect(strays).toBeGreaterThan(0);
    rmSync(directory, { recursive: true });
  },
  PATIENCE,
);

const lacking = requireTool("unshare") ?? requireRoot();
test.skipIf(lacking !== null)(
  "HF27 killed at 200 random moments, in place: the next start completes what was torn",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-hosts-kill-"));
    const [real, mounted] = [join(directory, "real"), join(directory, "hosts")];
    writeFileSync(real, LOCAL);
    writeFileSync(mounted, "");
    const mount = 'mount --make-rprivate / && mount --bind "$0" "$1" && shift && exec "$@"';
    const program = [process.execPath, MAIN, mounted, join(directory, "state"), String(NAMES)];
    const random = seededRandom(27);
    const seen = new Set<string>();
    let journals = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const words = ["unshare", "-m", "sh", "-c", mount, real, mounted, ...program];
      const { way, text } = await startAndKill(words, random() * LONGEST_MS);
      expect([way, WHOLE.has(text)]).toEqual(["in_place", true]);
      seen.add(readFileSync(real, "utf8"));
      journals += readdirSync(join(directory, "state")).filter((name) => name.endsWith(".journal")).length;
    }
    expect(seen.size).toBeGreaterThan(1);
    expect(journals).toBeGreaterThan(0);
    rmSync(directory, { recursive: true });
  },
  PATIENCE,
);

test("HF27 every cut of a write and of a truncation is seen as torn, and edits of others are not", () => {
  const before = "127.0.0.1 localhost\n# BEGIN\n10.0.0.1  a\n10.0.0.1  b\n# END\nrest\n";
  for (const after of [
    before.replaceAll("10.0.0.1", "10.200.200.200"),
    before.replace("10.0.0.1  b\n", ""),
    "",
  ]) {
    for (let written = 0; written <= after.length; written++) {
      const cut = after.slice(0, written) + before.slice(written);
      // A write that has not reached what differs, or has changed all that does, is no tear.
      expect(isTorn(cut, before, after)).toBe(cut !== before && cut !== after);
    }
    const edited = `${before}10.9.9.9 mine\n`;
    expect(isTorn(edited, before, after)).toBe(false);
    expect(isTorn(edited.replace("rest", "test"), before, after)).toBe(false);
    expect([isTorn(before, before, after), isTorn(after, before, after)]).toEqual([false, false]);
  }
});
