/**
 * `bun run bench AREA [option …]`: every bench has a file of its own in this directory, which can be started alone.
 */
type Bench = (args: readonly string[]) => Promise<number>;

const AREAS: Readonly<Record<string, Bench>> = {
  http: async (args) => (await import("./http.ts")).benchHttp(args),
  operations: async (args) => (await import("./operations.ts")).benchOperations(args),
  hosts: async (args) => (await import("./hosts.ts")).benchHosts(args),
  request_path: async () => await (await import("./request_path.ts")).benchRequestPath().then(() => 0),
  redirect: async (args) => (await import("./redirect.ts")).benchRedirect(args),
  router: async () => done((await import("./router.ts")).benchRouter),
  metrics: async () => done((await import("./metrics.ts")).benchMetrics),
  access_log: async () => done((await import("./access_log.ts")).benchAccessLog),
};

function done(bench: () => void): number {
  bench();
  return 0;
}

async function main([area = "", ...args]: readonly string[]): Promise<number> {
  const bench = AREAS[area];
  if (bench !== undefined) return bench(args);
  console.error(`usage: bun run bench AREA [option …]\nareas: ${Object.keys(AREAS).join(", ")}`);
  return 2;
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
