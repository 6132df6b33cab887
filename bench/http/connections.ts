/** The clients' connections of a peer, as the kernel sees them (ss(8)). */

export interface ClientConnections {
  readonly count: number;
  /** Those on which at least the given number of segments with data have come. */
  readonly asking: number;
  /** Bytes that the clients have acknowledged on those that are open. */
  readonly acknowledgedBytes: number;
}

/** Reads the output of `ss -tinH`; connections with `segments` segments of data count as asking. */
export function parseConnections(text: string, segments: number): ClientConnections {
  let [count, asking, acknowledgedBytes] = [0, 0, 0];
  for (const line of text.split("\n")) {
    if (/^\S/.test(line)) count++;
    if (Number(/\bdata_segs_in:(\d+)/.exec(line)?.[1] ?? 0) >= segments) asking++;
    acknowledgedBytes += Number(/\bbytes_acked:(\d+)/.exec(line)?.[1] ?? 0);
  }
  return { count, asking, acknowledgedBytes };
}

/** Established connections that came to a port. Throws Error when ss does not work. */
export function clientConnections(port: number, segments = 1): ClientConnections {
  const command = ["ss", "-tinH", "state", "established", `( sport = :${port} )`];
  const result = Bun.spawnSync(command, { stdio: ["ignore", "pipe", "pipe"], timeout: 10_000 });
  if (result.exitCode !== 0) throw new Error(`ss failed: ${result.stderr.toString().trim()}`);
  return parseConnections(result.stdout.toString(), segments);
}
