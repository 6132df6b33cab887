/**
 * Counters of workers as they stand in their shared memory: what a worker had open in the moment in which it was killed
 * is still to be read there.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { parts } from "../../../src/composition.ts";
import { configuration } from "../../../src/cli/configuration.ts";
import type { Plan } from "../../../src/core/plan.ts";
import { MetricLayout } from "../../../src/observe/metric_layout.ts";
import { limitNumbers } from "../../../src/planes/http/connection_counts.ts";

interface WorkerCounters {
  readonly plan: Plan;
  readonly layout: MetricLayout;
  readonly values: Float64Array;
}

/** Maps the counters of a worker that serves the configuration `file`. */
export async function countersOf(pid: number, file: string): Promise<WorkerCounters> {
  const { plan } = await configuration({ file, set: [] }, await parts.config()).load();
  if (plan === null) throw new Error(`${file} cannot be used`);
  const layout = MetricLayout.ofPlan(plan, limitNumbers(plan.listeners.length));
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`;
    let target = "";
    try {
      target = readlinkSync(path);
    } catch {
      continue;
    }
    if (!target.startsWith("/memfd:fairlead")) continue;
    const bytes = Bun.mmap(path, { shared: true });
    // The other region that a worker may hold for a moment is that of limits, of another size.
    if (bytes.length !== layout.counters * 8) continue;
    return { plan, layout, values: new Float64Array(bytes.buffer, bytes.byteOffset, layout.counters) };
  }
  throw new Error(`worker pid ${pid} has no region of ${layout.counters} counters`);
}

/** Connections of clients that a worker has, handshakes included. */
export function openConnections({ plan, layout, values }: WorkerCounters): number {
  return plan.listeners.reduce(
    (sum, _, index) => sum + values[layout.listenerSlots(index).connections_open]!,
    0,
  );
}
