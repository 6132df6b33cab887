/** Free ports for programs that cannot be told "any port". */

/** Ports on 127.0.0.1 that nobody listens on now; below the range of outgoing connections, which would take them. */
export function freePorts(count: number): number[] {
  const found: number[] = [];
  for (let tries = 0; found.length < count; tries++) {
    if (tries > 1_000) throw new Error("no free ports");
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (found.includes(port)) continue;
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      found.push(port);
    } catch {
      // In use.
    }
  }
  return found;
}
