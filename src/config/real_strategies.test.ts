import { expect, test } from "bun:test";
import { strategyParts as strategies } from "../core/strategies/all_parts.ts";
import { MemoryFiles } from "../platform/files.ts";
import { loadConfig } from "./load.ts";
import type { ConfigParts } from "./parts.ts";
import { problemText } from "./problem.ts";
import { testParts } from "./test_parts.ts";

const MAIN = "/etc/fairlead/fairlead.yaml";

test("every strategy of the program can be named, the first one is the default, and keyed ones get their key", async () => {
  const parts: ConfigParts = { ...testParts, strategies };
  const lines = strategies.map(
    ({ name }) => `  ${name}: { strategy: ${name}, backends: [{ url: "http://a" }] }`,
  );
  const files = new MemoryFiles({
    [MAIN]: `pools:\n  first: { backends: [{ url: "http://a" }] }\n${lines.join("\n")}\n`,
  });
  const { plan, problems } = await loadConfig({ file: MAIN, parts, files });
  expect(problems).toEqual([]);
  expect(plan?.pools.map(({ strategy }) => strategy.name)).toEqual(
    [strategies[0]!, ...strategies].map(({ name }) => name),
  );
  for (const { strategy } of plan?.pools ?? []) {
    const part = strategies.find(({ name }) => name === strategy.name)!;
    const keyed = part.keyed && part.fixed_key === undefined;
    expect(strategy.options["hash_on"]).toEqual(keyed ? { kind: "address" } : undefined);
  }
  files.write(MAIN, `pools: { a: { strategy: ip_hash, hash_on: path, backends: [{ url: "http://a" }] } }\n`);
  expect((await loadConfig({ file: MAIN, parts, files })).problems.map(problemText)).toEqual([
    `${MAIN}:1:34: pools.a.hash_on: the strategy ip_hash always hashes the address; expected no hash_on, or a strategy such as consistent_hash`,
  ]);
});
