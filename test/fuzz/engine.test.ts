import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fuzz, type FuzzEntry, type FuzzOptions } from "./engine.ts";
import { minimise } from "./minimise.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const options: FuzzOptions = { budgetMs: 500, seed: 7, corpus: null };

function entry(run: FuzzEntry["run"], more: Partial<FuzzEntry> = {}): FuzzEntry {
  return { name: "sample", seeds: () => [encode("GET /path HTTP/1.1")], run, ...more };
}

/** Fails on a text that no seed has; reading its start is an outcome. */
function planted(bytes: Uint8Array): boolean {
  const text = decode(bytes);
  if (text.includes("HTTP/1.2")) throw new Error(`broken by ${text}`);
  return text.startsWith("POST");
}

test("a planted bug is found, once, made small and written to the corpus; it then fails again from there", async () => {
  const corpus = mkdtempSync(`${tmpdir()}/fairlead-fuzz-`);
  try {
    const { findings } = await fuzz(entry(planted), { ...options, corpus });
    expect(findings.map(({ bytes }) => decode(bytes))).toEqual(["HTTP/1.2"]);
    expect(findings[0]!.message).toBe("Error: broken by HTTP/1.2");
    const written = readdirSync(`${corpus}/sample`).filter((name) => name.startsWith("finding-"));
    expect(written.map((name) => readFileSync(`${corpus}/sample/${name}`, "utf8"))).toEqual(["HTTP/1.2"]);
    const again = await fuzz(entry(planted), { ...options, corpus, budgetMs: 0 });
    expect(again.findings).toHaveLength(1);
  } finally {
    rmSync(corpus, { recursive: true });
  }
});

test("failures of two places are two findings", async () => {
  const run = (bytes: Uint8Array): void => {
    if (bytes.includes(0x41)) throw new Error("A");
    if (bytes.includes(0x42)) throw new Error("B");
  };
  const { findings } = await fuzz(entry(run, { seeds: () => [encode("xyzA"), encode("xyzB")] }), options);
  expect(findings.map(({ message }) => message).toSorted()).toEqual(["Error: A", "Error: B"]);
  expect(findings.map(({ bytes }) => bytes.length)).toEqual([1, 1]);
});

test("the same seed gives the same inputs, another seed other ones", async () => {
  const inputs = async (seed: number): Promise<string[]> => {
    const seen: string[] = [];
    const run = (bytes: Uint8Array): void => {
      if (seen.length < 500) seen.push(decode(bytes));
    };
    await fuzz(entry(run), { ...options, seed, budgetMs: 200 });
    return seen.slice(0, 500);
  };
  const first = await inputs(1);
  expect(first).toHaveLength(500);
  expect(await inputs(1)).toEqual(first);
  expect(await inputs(2)).not.toEqual(first);
});

test("tokens are put in, inputs stay within the limit, outcomes are counted", async () => {
  let longest = 0;
  const run = (bytes: Uint8Array): boolean => {
    longest = Math.max(longest, bytes.length);
    return decode(bytes).includes("SESAME");
  };
  const result = await fuzz(entry(run, { tokens: ["SESAME"], maxLength: 100 }), {
    ...options,
    budgetMs: 300,
  });
  expect(result.outcomes).toBe(2);
  expect(longest).toBe(100);
});

test("a slow input is a finding", async () => {
  const run = (bytes: Uint8Array): void => {
    if (bytes.length === 3) Bun.sleepSync(30);
  };
  const { findings } = await fuzz(entry(run, { seeds: () => [encode("abc")] }), {
    ...options,
    budgetMs: 0,
    slowMs: 20,
  });
  expect(findings).toHaveLength(1);
  expect(findings[0]!.message).toMatch(/^took \d+ ms, more than 20 ms$/);
});

test("an input that never comes back is written, and the process ends", async () => {
  const corpus = mkdtempSync(`${tmpdir()}/fairlead-fuzz-`);
  const script = `
    import { startWatch } from ${JSON.stringify(`${import.meta.dir}/watch.ts`)};
    const watch = await startWatch(${JSON.stringify(corpus)}, 200);
    watch.enter(new TextEncoder().encode("fine"));
    watch.leave();
    watch.enter(new TextEncoder().encode("endless"));
    while (true);`;
  try {
    const child = Bun.spawn([process.execPath, "-e", script], { stderr: "pipe", timeout: 20_000 });
    expect(await child.stderr.text()).toContain(`fuzz: an input never came back: ${corpus}/hang-`);
    await child.exited;
    const written = readdirSync(corpus);
    expect(written.map((name) => readFileSync(`${corpus}/${name}`, "utf8"))).toEqual(["endless"]);
  } finally {
    rmSync(corpus, { recursive: true });
  }
}, 30_000);

test("minimise keeps what is needed and makes the rest plain", () => {
  const fails = (bytes: Uint8Array): boolean => decode(bytes).includes("<") && bytes.length >= 3;
  expect(decode(minimise(encode("some <long> input"), fails))).toMatch(/^a{0,2}<a{0,2}$/);
});
