/**
 * Builds the programs of `bpf/` with clang. The objects are committed, so that nobody needs a compiler to run or to change TypeScript;
 * the same source gives the same bytes, because version and flags are fixed and no path gets into an object.
 *
 * usage: tools/bpf.ts build     writes bpf/built/ and the layouts that TypeScript reads
 *        tools/bpf.ts check     fails where one of these is not what the sources give
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layoutSource } from "./bpf_layout.ts";

const SOURCES = "bpf";
const BUILT = "bpf/built";
const LAYOUT = "src/planes/packet/layout.ts";
/** Another version gives other bytes. */
export const CLANG = "clang-14";
const FLAGS = [
  ...["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"],
  ...["-nostdinc", "-isystem", `${SOURCES}/include`, "-fdebug-compilation-dir=."],
];

/** Objects by name: their source, and what is defined for it. */
export const OBJECTS: Readonly<
  Record<string, { readonly source: string; readonly defines: readonly string[] }>
> = {
  reference_tc: { source: "reference.c", defines: [] },
  reference_xdp: { source: "reference.c", defines: ["XDP"] },
  wrapper_tc: { source: "wrapper.c", defines: [] },
  wrapper_xdp: { source: "wrapper.c", defines: ["XDP"] },
  packet_tc: { source: "packet.c", defines: [] },
  packet_xdp: { source: "packet.c", defines: ["XDP"] },
};

/** Compiles one object into `file`. Throws Error with what the compiler says. */
export function compile(name: string, file: string, sources = SOURCES): void {
  const { source, defines } = OBJECTS[name]!;
  const words = [
    CLANG,
    ...FLAGS,
    ...defines.map((define) => `-D${define}`),
    "-c",
    join(sources, source),
    "-o",
    file,
  ];
  const { exitCode, stderr } = Bun.spawnSync(words, { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${source}: ${stderr.toString().trim()}`);
}

/** Files that are not what the sources of `bpf/` give. */
export function staleFiles(): string[] {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-bpf-"));
  try {
    const objects = Object.keys(OBJECTS).filter((name) => {
      const file = join(folder, `${name}.o`);
      compile(name, file);
      return !readFileSync(file).equals(readFileSync(join(BUILT, `${name}.o`)));
    });
    const stale = objects.map((name) => join(BUILT, `${name}.o`));
    return readFileSync(LAYOUT, "utf8") === layout() ? stale : [...stale, LAYOUT];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Both hooks have the same layouts: they share their maps. */
function layout(): string {
  const header = readFileSync(join(SOURCES, "layout.h"), "utf8");
  const [one, other] = ["packet_tc", "packet_xdp"].map((name) =>
    layoutSource(new Uint8Array(readFileSync(join(BUILT, `${name}.o`))), header),
  );
  if (one !== other) throw new Error("the layouts of tc and XDP differ");
  return one!;
}

function main(): number {
  switch (process.argv[2]) {
    case "build":
      mkdirSync(BUILT, { recursive: true });
      for (const name of Object.keys(OBJECTS)) compile(name, join(BUILT, `${name}.o`));
      writeFileSync(LAYOUT, layout());
      return 0;
    case "check": {
      const stale = staleFiles();
      for (const file of stale) console.error(`${file} is not what its source gives: bun tools/bpf.ts build`);
      return stale.length === 0 ? 0 : 1;
    }
    default:
      console.error("usage: tools/bpf.ts build | check");
      return 2;
  }
}

if (import.meta.main) process.exitCode = main();
