/**
 * `bun run ok`: everything that can be said about the code without running the program as a whole. All steps run, also
 * after one that failed; what failed is printed where it stands and named again at the end.
 *
 * usage: tools/ok.ts [--fix] [STEP …]     (--fix first formats, lets the linter fix what it can, writes generated pages)
 */
import { parseArgs } from "node:util";

const bun = process.execPath;
const SOURCES = ["src", "test", "tools", "bench"];
/** Paths are given because the type-aware linter must not walk into node_modules. */
const LINT = ["node_modules/.bin/oxlint", "--type-aware", ...SOURCES];

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly fix?: readonly string[];
}

const STEPS: readonly Step[] = [
  { name: "format", command: [bun, "fmt", "--check"], fix: [bun, "fmt"] },
  { name: "types", command: ["node_modules/.bin/tsc", "--noEmit"] },
  { name: "lint", command: [...LINT, "-f", "unix"], fix: [...LINT, "--fix"] },
  { name: "layers", command: [bun, "tools/check_layers.ts"] },
  {
    name: "generated",
    command: [bun, "tools/gen_reference.ts", "--check"],
    fix: [bun, "tools/gen_reference.ts"],
  },
  { name: "docs", command: [bun, "tools/check_docs.ts"] },
  { name: "unused", command: ["node_modules/.bin/knip", "--no-progress"] },
  {
    name: "unit tests",
    command: [
      bun,
      "tools/test.ts",
      "--no-install",
      "--folder",
      "test-results/unit",
      "src/",
      "tools/",
      "bench/",
    ],
  },
];

interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
}

async function runStep(step: Step): Promise<Outcome> {
  const start = performance.now();
  const child = Bun.spawn([...step.command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, errors, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const seconds = ((performance.now() - start) / 1_000).toFixed(1).padStart(6);
  const ok = exitCode === 0;
  console.log(`${ok ? "ok    " : "FAILED"} ${seconds} s  ${step.name}`);
  if (!ok) {
    console.log(`       ${step.command.map((word) => (word === bun ? "bun" : word)).join(" ")}`);
    for (const line of `${out}${errors}`.trimEnd().split("\n")) console.log(`       ${line}`);
  }
  return { step, ok };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { fix: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`no step ${unknown.join(", ")}; there are: ${STEPS.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const steps = STEPS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (values.fix) for (const { fix } of steps) if (fix !== undefined) await Bun.spawn([...fix]).exited;
  const failed: string[] = [];
  for (const step of steps) {
    const outcome = await runStep(step);
    if (!outcome.ok) failed.push(step.name);
  }
  console.log(failed.length === 0 ? "all ok" : `failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

process.exit(await main());
