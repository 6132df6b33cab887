import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../core/strategies/random.ts";
import { isTorn, Journal } from "./journal.ts";

test("HF27 a text is torn exactly when a write or its truncation could have been cut there", () => {
  const random = seededRandom(27);
  const text = (): string =>
    Array.from({ length: Math.floor(random() * 9) }, () => "ab\n"[Math.floor(random() * 3)]).join("");
  let torn = 0;
  for (let round = 0; round < 20_000; round++) {
    const [now, before, after] = [text(), text(), text()];
    const cuts = Array.from(
      { length: after.length + 1 },
      (_, end) => after.slice(0, end) + before.slice(end),
    );
    const expected = now !== before && now !== after && cuts.includes(now);
    if (expected) torn++;
    expect([now, before, after, isTorn(now, before, after)]).toEqual([now, before, after, expected]);
  }
  expect(torn).toBeGreaterThan(100);
});

test("HF27 a file of megabytes is judged at once", () => {
  const local = "10.1.2.3 name-of-somebody-else\n".repeat(100_000);
  const rest = "10.1.2.4 another\n".repeat(1_000);
  const [before, after] = [`${local}10.0.0.1 a\n${rest}`, `${local}10.0.0.2 b\n${rest}`];
  const begin = performance.now();
  expect(isTorn(`${local}10.0.0.2 a\n${rest}`, before, after)).toBe(true);
  expect(isTorn(`${local}10.0.0.2 a\n${rest.replace("4", "5")}`, before, after)).toBe(false);
  // Some 100 ms; a comparison for every possible cut takes more than ten seconds.
  expect(performance.now() - begin).toBeLessThan(3_000);
});

test("HF27 a journal is there from its beginning to its end, and a torn one of its own is none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-journal-"));
  try {
    const journal = new Journal(folder, "/etc/hosts");
    expect(await journal.unfinished("x")).toBeNull();
    await journal.begin("old \xff\n", Buffer.from("new \xfe\n", "latin1"));
    const [name] = readdirSync(folder);
    expect((await journal.unfinished("new \xff\n"))?.toString("latin1")).toBe("new \xfe\n");
    expect(await journal.unfinished("edited\n")).toBeNull();
    const text = await Bun.file(join(folder, name!)).text();
    for (let cut = 0; cut < text.length; cut++) {
      await Bun.write(join(folder, name!), text.slice(0, cut));
      expect(await journal.unfinished("new \xff\n")).toBeNull();
    }
    await journal.end();
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 20_000);
