/** Gauges over a change of the layout. */
import type { MetricBlock, MetricLayout } from "./metric_layout.ts";
import { labelText } from "./series_sums.ts";

/**
 * Moves the gauges of a worker (open connections, queue lengths) from the region that it leaves to its new one, where
 * the new plan still has their part: what was counted up there will be counted down here. Call it in the worker when a
 * snapshot is applied, and let connections count in the new region from then on.
 */
export function moveGauges(
  from: MetricLayout,
  fromRegion: Float64Array,
  to: MetricLayout,
  toRegion: Float64Array,
): void {
  for (const block of from.blocks) {
    const target = to.blocks.find((candidate) => candidate.name === block.name);
    if (block.type !== "gauge" || target === undefined || block.axes.length > 1) continue;
    if (block.axes.length === 0) {
      toRegion[target.base]! += fromRegion[block.base]!;
      fromRegion[block.base] = 0;
      continue;
    }
    const slots = slotByLabels(to, target);
    const { labels, values } = from.axes[block.axes[0]!]!;
    for (const [index, value] of values.entries()) {
      const slot = slots.get(labelText(labels, value));
      if (slot === undefined) continue;
      const left = block.base + index * block.stride;
      toRegion[slot]! += fromRegion[left]!;
      fromRegion[left] = 0;
    }
  }
}

function slotByLabels(layout: MetricLayout, { axes, base, stride }: MetricBlock): Map<string, number> {
  const { labels, values } = layout.axes[axes[0]!]!;
  return new Map(values.map((value, index) => [labelText(labels, value), base + index * stride]));
}
