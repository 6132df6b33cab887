/**
 * Where each series of a plan lives in a worker's counter region. The layout depends on the catalogue and on the names
 * in the plan alone: supervisor and workers compute the same one, and a layout that was written down explains a region
 * without the plan and the version that made it.
 */
import type { Plan } from "../core/plan.ts";
import type { CounterLayout } from "../core/worker_program.ts";
import { contentHash } from "../platform/files.ts";
import {
  AXES,
  type AxisName,
  type FixedMetric,
  METRIC_NAMES,
  metricDefinition,
  type MetricsOf,
  type MetricType,
  PLAN_AXES,
  type PlanAxis,
  type WorkerMetric,
} from "./catalogue.ts";
import { ERROR_CODES, LIMIT_NAMES, METHODS, RETRY_REASONS, STATUS_CLASSES } from "./label_values.ts";

/** Route label of requests that no route matched. */
export const NO_ROUTE = "-";

/** The values of an axis: each is a tuple, one value per label. */
export interface AxisValues {
  readonly labels: readonly string[];
  readonly values: readonly (readonly string[])[];
}

/**
 * The slots of one metric: those of the first value of its first axis begin at `base`, those of the next one `stride`
 * slots later, and so on; within them stands row after row in the order of the other axes, the last one fastest. A
 * counter or a gauge takes one slot per series; a histogram takes its sum in milliseconds, a count per bound, and the
 * count above the last bound.
 */
export interface MetricBlock {
  readonly name: string;
  readonly type: MetricType;
  readonly axes: readonly string[];
  readonly rows: "all" | "used";
  readonly base: number;
  readonly stride: number;
  /** Slots per series. */
  readonly width: number;
}

/** A layout as plain JSON. */
export interface LayoutDocument {
  readonly key: string;
  readonly counters: number;
  readonly limits: number;
  readonly axes: Readonly<Record<string, AxisValues>>;
  readonly blocks: readonly MetricBlock[];
  /** Upper bounds of the histograms, in seconds. */
  readonly bounds_seconds: readonly number[];
}

/** First slot of each metric of one route, listener, pool or backend, by the metric's name. */
export type Slots<Axis extends PlanAxis> = Readonly<Record<MetricsOf<Axis>, number>>;
export type RouteSlots = Slots<"route">;
export type ListenerSlots = Slots<"listener">;
export type PoolSlots = Slots<"pool">;
export type BackendSlots = Slots<"backend">;
/** First slot of each metric that belongs to no part of the configuration. */
export type FixedSlots = Readonly<Record<FixedMetric, number>>;

const single = (axis: AxisName, values: readonly string[]): AxisValues => ({
  labels: AXES[axis],
  values: values.map((value) => [value]),
});

const FIXED_AXES: Readonly<Record<string, AxisValues>> = {
  method: single("method", METHODS),
  class: single("class", STATUS_CLASSES),
  error: single("error", ERROR_CODES),
  limit: single("limit", LIMIT_NAMES),
  retry_reason: single("retry_reason", RETRY_REASONS),
};

function axesOf(plan: Plan): Readonly<Record<string, AxisValues>> {
  return {
    ...FIXED_AXES,
    route: single("route", [NO_ROUTE, ...plan.routes.map((route) => route.name)]),
    listener: single(
      "listener",
      plan.listeners.map((listener) => listener.name),
    ),
    pool: single(
      "pool",
      plan.pools.map((pool) => pool.name),
    ),
    backend: {
      labels: AXES.backend,
      values: plan.pools.flatMap((pool) => pool.backends.map((backend) => [pool.name, backend.id])),
    },
  };
}

/**
 * All that one route has stands together, and so for the other axes of a plan: a request touches a few neighbouring
 * lines of memory however many routes there are. Small metrics come first, so that sums and the first buckets of a
 * histogram share a line.
 */
function placeBlocks(axes: Readonly<Record<string, AxisValues>>, bounds: number): MetricBlock[] {
  const dense = METRIC_NAMES.filter((name) => metricDefinition(name).writer === "worker").map((name) => {
    const { type, axes: names, rows } = metricDefinition(name);
    const width = type === "histogram" ? bounds + 2 : 1;
    return { name, type, axes: names, rows, base: 0, stride: width * sizeOf(names.slice(1), axes), width };
  });
  const places = new Map<string, Pick<MetricBlock, "base" | "stride">>();
  let end = 0;
  for (const axis of PLAN_AXES) {
    const together = dense.filter(({ axes: [first] }) => first === axis);
    const stride = together.reduce((sum, block) => sum + block.stride, 0);
    let base = end;
    for (const block of together.toSorted((one, other) => one.stride - other.stride)) {
      places.set(block.name, { base, stride });
      base += block.stride;
    }
    end += stride * sizeOf([axis], axes);
  }
  return dense.map((block) => {
    const place = places.get(block.name) ?? { base: end, stride: block.stride };
    if (!places.has(block.name)) end += slotsOf(block, axes);
    return { ...block, ...place };
  });
}

export class MetricLayout implements CounterLayout, LayoutDocument {
  readonly counters: number;
  readonly limits: number;
  readonly axes: Readonly<Record<string, AxisValues>>;
  readonly blocks: readonly MetricBlock[];
  readonly bounds_seconds: readonly number[];
  /** Upper bounds of the histograms in milliseconds, for `observeHistogram`. */
  readonly boundsMs: Float64Array;
  readonly #blocksByName: ReadonlyMap<string, MetricBlock>;
  readonly #firstBackend: readonly number[];
  #key: string | null;

  private constructor(document: Omit<LayoutDocument, "key"> & { readonly key: string | null }) {
    this.counters = document.counters;
    this.limits = document.limits;
    this.axes = document.axes;
    this.blocks = document.blocks;
    this.bounds_seconds = document.bounds_seconds;
    // Rounded to nanoseconds, so that 0.3 s is 300 ms.
    this.boundsMs = Float64Array.from(document.bounds_seconds, (bound) => Math.round(bound * 1e9) / 1e6);
    this.#blocksByName = new Map(document.blocks.map((block) => [block.name, block]));
    this.#firstBackend = firstBackends(document.axes);
    this.#key = document.key;
  }

  /** `limits`: numbers per worker that count against limits of the whole machine; they lie in a region of their own. */
  static ofPlan(plan: Plan, limits = 0): MetricLayout {
    const bounds_seconds = plan.observability.metrics.buckets_seconds;
    const axes = axesOf(plan);
    const blocks = placeBlocks(axes, bounds_seconds.length);
    const counters = blocks.reduce((sum, block) => sum + slotsOf(block, axes), 0);
    return new MetricLayout({ key: null, counters, limits, axes, blocks, bounds_seconds });
  }

  static ofDocument(document: LayoutDocument): MetricLayout {
    return new MetricLayout(document);
  }

  /** Equal for two layouts exactly when a region of one can serve the other. */
  get key(): string {
    this.#key ??= contentHash(
      new TextEncoder().encode(
        JSON.stringify([this.axes, this.blocks, this.bounds_seconds, this.counters, this.limits]),
      ),
    );
    return this.#key;
  }

  toJSON(): LayoutDocument {
    const { key, counters, limits, axes, blocks, bounds_seconds } = this;
    return { key, counters, limits, axes, blocks, bounds_seconds };
  }

  /** `index` in `plan.routes`; -1 = requests that no route matched. */
  routeSlots(index: number): RouteSlots {
    return this.#slots("route", index + 1);
  }

  /** `index` in `plan.listeners`. */
  listenerSlots(index: number): ListenerSlots {
    return this.#slots("listener", index);
  }

  /** `index` in `plan.pools`. */
  poolSlots(index: number): PoolSlots {
    return this.#slots("pool", index);
  }

  /** `pool` in `plan.pools`, `backend` in the backends of that pool. */
  backendSlots(pool: number, backend: number): BackendSlots {
    return this.#slots("backend", this.#firstBackend[pool]! + backend);
  }

  fixedSlots(): FixedSlots {
    const slots: Record<string, number> = {};
    for (const { name, axes, base } of this.blocks) {
      if (!PLAN_AXES.some((axis) => axis === axes[0])) slots[name] = base;
    }
    return slots as FixedSlots;
  }

  /** Slot of one series by the positions of its label values. For tests and tools; throws RangeError outside of it. */
  slotOf(name: WorkerMetric, ...indexes: readonly number[]): number {
    const block = this.#blocksByName.get(name)!;
    let row = 0;
    for (const [k, axis] of block.axes.entries()) {
      const size = this.axes[axis]!.values.length;
      const index = indexes[k] ?? -1;
      if (!(index >= 0 && index < size)) throw new RangeError(`${name}: index ${index} of axis ${axis}`);
      if (k > 0) row = row * size + index;
    }
    return block.base + (indexes[0] ?? 0) * block.stride + row * block.width;
  }

  readonly #blocksByAxis = new Map<string, readonly MetricBlock[]>();

  /** Blocks whose first axis it is. */
  #blocksOf(axis: string): readonly MetricBlock[] {
    let blocks = this.#blocksByAxis.get(axis);
    if (blocks === undefined)
      this.#blocksByAxis.set(axis, (blocks = this.blocks.filter(({ axes: [first] }) => first === axis)));
    return blocks;
  }

  #slots<Axis extends PlanAxis>(axis: Axis, index: number): Slots<Axis> {
    const size = this.axes[axis]!.values.length;
    if (!(index >= 0 && index < size)) throw new RangeError(`no ${axis} ${index}: the layout has ${size}`);
    const slots: Record<string, number> = {};
    for (const { name, base, stride } of this.#blocksOf(axis)) slots[name] = base + index * stride;
    return slots as Slots<Axis>;
  }
}

/** Number of slots of a block. */
function slotsOf({ width, axes: names }: MetricBlock, axes: Readonly<Record<string, AxisValues>>): number {
  return width * sizeOf(names, axes);
}

/** Number of combinations of the values of some axes. */
function sizeOf(names: readonly string[], axes: Readonly<Record<string, AxisValues>>): number {
  return names.reduce((product, axis) => product * axes[axis]!.values.length, 1);
}

/** Position of the first backend of each pool; a pool without backends has the position where one would stand. */
function firstBackends(axes: Readonly<Record<string, AxisValues>>): number[] {
  const pools = axes["pool"]?.values ?? [];
  const backends = axes["backend"]?.values ?? [];
  let at = 0;
  return pools.map(([pool]) => {
    const first = at;
    while (at < backends.length && backends[at]![0] === pool) at++;
    return first;
  });
}
