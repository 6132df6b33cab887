/** Which test files run together in one process. */

export interface Job {
  readonly name: string;
  readonly files: readonly string[];
  readonly timeoutMs: number;
}

const FILE_TIMEOUT_MS = 240_000;
const GROUP_TIMEOUT_MS = 180_000;

/**
 * Files under `test/` run alone: they start programs, threads and listeners. Unit tests share a process per folder of `src`
 * (per plane below `src/planes`), `tools` and `bench` have one each. The long ones come first.
 */
export function planJobs(files: readonly string[]): Job[] {
  const groups = Map.groupBy(files, groupOf);
  return [...groups]
    .map(([name, own]) => ({
      name,
      files: own.toSorted(),
      timeoutMs: name.endsWith(".test.ts") ? FILE_TIMEOUT_MS : GROUP_TIMEOUT_MS,
    }))
    .toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

function groupOf(file: string): string {
  const [top = "", second = "", third = ""] = file.split("/");
  if (top === "test") return file;
  if (top !== "src" || second.endsWith(".test.ts")) return top;
  return second === "planes" ? `${top}/${second}/${third}` : `${top}/${second}`;
}

function rank(name: string): number {
  if (name === "test/fuzz/fuzz.test.ts") return 0;
  if (name.startsWith("test/e2e/")) return 1;
  return name.startsWith("test/") ? 2 : 3;
}
