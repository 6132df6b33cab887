/** kill -9 at any moment of a write, with real processes. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../src/core/strategies/random.ts";
import { contentOf, folderAt } from "../../src/planes/redirect/last_known_good/test_known_good.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-known-good-kill-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const MAIN = join(import.meta.dir, "../support/known_good_writer_main.ts");
const KILLS = 200;
/** Folders that are written at the same time, to be done sooner. */
const LANES = 4;
/** Some writes long. */
const LONGEST_MS = 60;

/** The last version that the program has said to be written; it was killed `afterMs` after the first. */
async function startAndKill(path: string, afterMs: number): Promise<number> {
  const child = Bun.spawn([process.execPath, MAIN, path], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  let isStarted = false;
  for await (const chunk of child.stdout) {
    said += new TextDecoder().decode(chunk);
    if (isStarted || !said.includes("\n")) continue;
    isStarted = true;
    setTimeout(() => child.kill("SIGKILL"), afterMs);
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  return Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
}

test("RD79 killed 200 times during writes: each start finds a whole generation, and at most the one under way is lost", async () => {
  const random = seededRandom(79);
  let unfinished = 0;
  const lane = async (number: number): Promise<void> => {
    const path = join(directory, String(number));
    for (let kill = 0; kill < KILLS / LANES; kill++) {
      const said = await startAndKill(path, random() * LONGEST_MS);
      const { content, problems } = await folderAt(path).read();
      expect(problems).toEqual([]);
      const version = content!.lists.version;
      expect(content).toEqual(contentOf(version));
      // It may have been killed between the write and the word of it.
      expect([said, said + 1]).toContain(version);
      const left = readdirSync(path).filter((name) => name.startsWith("."));
      unfinished += left.length;
      expect(left.length).toBeLessThanOrEqual(2);
    }
    expect(readdirSync(path).filter((name) => !name.startsWith(".")).length).toBeLessThanOrEqual(4);
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  // The kills have met writes.
  expect(unfinished).toBeGreaterThan(KILLS / 4);
}, 120_000);
