/** Every value of `everything.yaml`, changed one at a time: nothing is accepted and ignored, and nothing throws. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { loadConfig, type LoadResult } from "../../../src/config/load.ts";
import { testParts } from "../../../src/config/test_parts.ts";
import { MemoryFiles } from "../../../src/platform/files.ts";

type Path = readonly (string | number)[];
type Container = Record<string | number, unknown>;

const [text] = readFileSync(join(import.meta.dir, "everything.yaml"), "utf8").split("---file");
const certificates = ["a.crt", "a.key", "b.crt", "b.key", "ca.crt"].map(
  (name) => [resolve(name), "x"] as const,
);

function load(config: unknown): Promise<LoadResult> {
  const files = new MemoryFiles({
    ...Object.fromEntries(certificates),
    [resolve("f.yaml")]: stringify(config),
  });
  return loadConfig({ file: "f.yaml", parts: testParts, files, cores: 1 });
}

function* pathsOf(value: unknown, path: Path): Generator<Path> {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    const step = Array.isArray(value) ? Number(key) : key;
    yield [...path, step];
    yield* pathsOf((value as Container)[step], [...path, step]);
  }
}

/** A copy with the value at `path` changed by `change`. */
function changed(root: unknown, path: Path, change: (value: unknown) => unknown): unknown {
  const copy: unknown = structuredClone(root);
  let inside = copy as Container;
  for (const step of path.slice(0, -1)) inside = inside[step] as Container;
  const last = path.at(-1)!;
  inside[last] = change(inside[last]);
  return copy;
}

/** Another value of the same kind, as near as possible to being valid. */
function other(value: unknown): unknown {
  if (typeof value === "number") return value > 1 ? value - 1 : value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return Array.isArray(value) ? [...value, ...value] : {};
  return value.replace(/[a-zA-Z0-9](?=[^a-zA-Z0-9]*$)/, (last) =>
    last === "1" ? "2" : last === "s" ? "m" : "1",
  );
}

const outcome = ({ plan, problems }: LoadResult): string => JSON.stringify([plan, problems]);
const config: unknown = parse(text!);

test("a value that changes, changes the plan or is refused", async () => {
  const before = outcome(await load(config));
  const ignored: string[] = [];
  let plans = 0;
  for (const path of pathsOf(config, [])) {
    const result = await load(changed(config, path, other));
    if (result.plan !== null) plans++;
    if (outcome(result) === before) ignored.push(path.join("."));
  }
  expect(ignored).toEqual([]);
  expect(plans).toBeGreaterThan(50);
}, 60_000);

test("a value of any other kind is refused at its place or acts; nothing throws", async () => {
  const odd = [null, "constructor", [null], -1e30];
  let index = 0;
  // A map whose text cannot be made is the oddest of all: it goes everywhere.
  const changes = [...pathsOf(config, [])].flatMap((path) => [
    [path, odd[index++ % odd.length]] as const,
    [path, { toString: [] }] as const,
  ]);
  for (const [path, value] of changes) {
    const result = await load(changed(config, path, () => value));
    expect(result.plan === null).toBe(result.problems.length > 0);
    for (const { source, line, message } of result.problems) {
      expect([source, line > 0]).toEqual(["f.yaml", true]);
      expect(message).not.toMatch(/undefined|Invalid input|\[object/);
    }
  }
}, 60_000);
