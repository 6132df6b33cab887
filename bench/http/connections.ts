/** The clients' connections of a peer, as the kernel sees them (ss(8)). */

export interface ClientConnections {
  readonly count: number;
  /** Bytes that the clients have acknowledged on those that are open. */
  readonly acknowledgedBytes: number;
}

/** Reads the output of `ss -tinH`. */
export function parseConnections(text: string): ClientConnections {
  let [count, acknowledgedBytes] = [0, 0];
  for (const line of text.split("\n")) {
    if (/^\S/.test(line)) count++;
    acknowledgedBytes += Number(/\bbytes_acked:(\d+)/.exec(line)?.[1] ?? 0);
  }
  return { count, acknowledgedBytes };
}

/** Established connections that came to a port. Throws Error when ss does not work. */
export function clientConnections(port: number): ClientConnections {
  const command = ["ss", "-tinH", "state", "established", `( sport = :${port} )`];
  const result = Bun.spawnSync(command, { stdio: ["ignore", "pipe", "pipe"], timeout: 10_000 });
  if (result.exitCode !== 0) throw new Error(`ss failed: ${result.stderr.toString().trim()}`);
  return parseConnections(result.stdout.toString());
}
