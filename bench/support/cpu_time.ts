/** User and system time of this process so far, in nanoseconds. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}
