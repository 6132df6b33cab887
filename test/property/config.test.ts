/** How files become a configuration, against models. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { LastGoodLoader } from "../../src/config/last_good.ts";
import type { Layer } from "../../src/config/layer.ts";
import { NOTHING_MERGED } from "../../src/config/merge.ts";
import { testParts } from "../../src/config/test_parts.ts";
import { MemoryFiles } from "../../src/platform/files.ts";

type Tree = null | number | string | Tree[] | { [key: string]: Tree };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.nat(9),
    fc.constantFrom("x", "__proto__"),
    fc.constant(null),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "toString"), tie("tree"), { maxKeys: 3 }),
  ),
}));

const isMap = (value: Tree | undefined): value is { [key: string]: Tree } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Of two files, the later one last. */
function joined(first: Tree | undefined, second: Tree | undefined): Tree | undefined {
  if (first === null || first === undefined) return second;
  if (second === null || second === undefined) return first;
  if (Array.isArray(first) && Array.isArray(second)) return [...first, ...second];
  if (!isMap(first) || !isMap(second)) return second;
  const keys = new Set([...Object.keys(first), ...Object.keys(second)]);
  const own = (map: { [key: string]: Tree }, key: string) => (Object.hasOwn(map, key) ? map[key] : undefined);
  return Object.fromEntries([...keys].map((key) => [key, joined(own(first, key), own(second, key)) ?? null]));
}

test("H-J22/merge files of conf.d are joined as the model joins them", () => {
  const files = fc.array(fc.dictionary(fc.constantFrom("a", "b", "c"), tree, { maxKeys: 3 }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(files, (values) => {
      const before = JSON.stringify(values);
      const layers = values.map((value, index): Layer => ({
        kind: "file",
        source: `${index}`,
        folder: "/",
        replaceable: false,
        value,
        text: null,
      }));
      const merged = NOTHING_MERGED.withFiles(layers, () => true, []);
      // Values of layers are kept over reloads.
      expect(JSON.stringify(values)).toBe(before);
      const expected = values.reduce<Tree | undefined>((all, value) => joined(all, value), undefined);
      expect(merged.value).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

const MAIN = "/etc/fairlead/fairlead.yaml";
const EXTRA = "/etc/fairlead/conf.d/more.yaml";
const mainFile = (pool: string): string => `listeners: { web: { address: ":8080" } }
pools: { ${pool}: { backends: [{ url: "http://127.0.0.1:1" }] } }
routes: [{ pool: ${pool} }]
`;
const extraFile = (name: string): string =>
  `routes: [{ name: ${name}, match: "Path(\`/${name}\`)", respond: ready }]\n`;
const BAD = ["pools: [", "wrokers: 1\n", "routes: [{ pool: nowhere }]\n"];

test("H-J22/last_good what acts after any writes, loads and starts is what the model says", async () => {
  const write = fc.oneof(
    fc.tuple(fc.constant("main"), fc.constantFrom("one", "two", "three", ...BAD.keys())),
    fc.tuple(fc.constant("extra"), fc.constantFrom("x", "y", null, ...BAD.keys())),
  );
  const step = fc.oneof(
    { weight: 3, arbitrary: write },
    fc.constantFrom(["reload"] as const, ["start"] as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const files = new MemoryFiles();
      const start = () =>
        new LastGoodLoader(
          { file: MAIN, parts: testParts, files, environment: {}, cores: 1 },
          () => 1_700_000_000_000,
        );
      /** What stands in the files: a word, the number of a bad text, or null. */
      const now: { main: string | number | null; extra: string | number | null } = {
        main: "zero",
        extra: null,
      };
      files.write(MAIN, mainFile("zero"));
      let loader = start();
      let isFirst = true;
      /** The last pair that was good as a whole and acted. */
      let kept: { main: string; extra: string | null } | null = null;
      for (const [what, value] of [["start"] as const, ...steps, ["start"] as const] as [
        string,
        string | number | null,
      ][]) {
        if (what === "main" || what === "extra") {
          now[what] = value;
          const path = what === "main" ? MAIN : EXTRA;
          if (value === null) files.remove(path);
          else if (typeof value === "number") files.write(path, BAD[value]!);
          else files.write(path, what === "main" ? mainFile(value) : extraFile(value));
          continue;
        }
        if (what === "start") {
          loader = start();
          isFirst = true;
        }
        const result = await loader.load();
        if (result.plan !== null) await loader.acts();
        const pool = result.plan?.pools[0]?.name ?? null;
        const { main, extra } = now;
        const isGood = typeof main === "string" && typeof extra !== "number";
        if (isGood) {
          expect(pool).toBe(main);
          kept = { main, extra };
        } else {
          expect(result.problems.length).toBeGreaterThan(0);
          // A main file that is good acts, with the extra file as it was; else the copy, and that at the start alone.
          if (typeof main === "string") expect([main, null]).toContain(pool);
          else expect(pool).toBe(isFirst ? (kept?.main ?? null) : null);
        }
        if (result.plan !== null) {
          const routes = result.plan.routes.filter(({ match }) => match !== "").map(({ name }) => name);
          if (isGood) expect(routes).toEqual(extra === null ? [] : [extra as string]);
        }
        isFirst = false;
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
