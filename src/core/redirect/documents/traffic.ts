/** What the traffic calculator is asked, and what it answers. */
import type { FlavorLoad } from "../traffic.ts";
import { Fields } from "./fields.ts";
import type { DocumentKind, WrittenKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import { quoted, type Reading } from "./reading.ts";
import { attribute, group, listOf, text, type Written } from "./written.ts";

const HOSTS_MODES = ["ALL_WHITELISTED", "ONLY_ACTIVE_WHITELISTED"] as const;
const DISTRIBUTION_MODES = ["CURRENT", "NEXT"] as const;
const ADJUSTMENTS = ["NONE", "ADJUSTED_TRAFFIC", "ADJUSTED_WEIGHT"] as const;

/** Some hosts of a flavor that shall get more or less than the others. */
export interface Adjustment {
  readonly flavor: string;
  readonly hosts: number;
  /** Percent that each of them shall have more than each of the others; below 0 for less. */
  readonly addition_percent: number;
  readonly adjusted_weight: number;
  readonly default_weight: number;
}

export interface TrafficQuestion {
  readonly connections: number;
  /** Connections that a host may take. */
  readonly threshold: number;
  readonly hosts: (typeof HOSTS_MODES)[number];
  readonly distribution: (typeof DISTRIBUTION_MODES)[number];
  /** Whether weights are given and traffic is asked for, or the other way round. */
  readonly adjust: (typeof ADJUSTMENTS)[number];
  readonly adjustments: readonly Adjustment[];
}

/** `{"totalNumberConnections": 10000, "connectionThreshold": 500, "hostsMode": "ALL_WHITELISTED", …}` */
export const trafficQuestionDocument: DocumentKind<TrafficQuestion> = {
  name: "a question to the traffic calculator",
  roots: ["trafficInputParams"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const adjusted = fields.one("adjustedTrafficInputParams");
    const question = {
      connections: fields.whole("totalNumberConnections", 0),
      threshold: fields.whole("connectionThreshold", 0),
      hosts: oneOf(fields, "hostsMode", HOSTS_MODES, reading),
      distribution: oneOf(fields, "distributionMode", DISTRIBUTION_MODES, reading),
      ...(adjusted === null ? { adjust: "NONE" as const, adjustments: [] } : readAdjusted(adjusted, reading)),
    };
    fields.done();
    return question;
  },
  write: ({ connections, threshold, hosts, distribution, adjust, adjustments }) => [
    group("adjustedTrafficInputParams", [
      text("adjustedTrafficCalculationMode", adjust),
      ...listOf("distributions", adjustments.map(writeAdjustment)),
    ]),
    text("connectionThreshold", threshold),
    text("totalNumberConnections", connections),
    text("hostsMode", hosts),
    text("distributionMode", distribution),
  ],
};

function readAdjusted(node: DocumentNode, reading: Reading): Pick<TrafficQuestion, "adjust" | "adjustments"> {
  const fields = new Fields(node, reading);
  const adjust = oneOf(fields, "adjustedTrafficCalculationMode", ADJUSTMENTS, reading);
  const nodes = [...fields.all("defaultServer"), ...fields.all("distributions")];
  const adjustments = nodes.map((each) => readAdjustment(each, reading));
  fields.done();
  return { adjust, adjustments: adjustments.filter(({ flavor }) => flavor !== "") };
}

function readAdjustment(node: DocumentNode, reading: Reading): Adjustment {
  const fields = new Fields(node, reading);
  const adjustment = {
    flavor: fields.text("flavor") ?? "",
    hosts: fields.whole("numberOfHostsToAdjust", 0),
    addition_percent: fields.number("adjustedThreshold", 0),
    adjusted_weight: fields.number("adjustedWeight", 0),
    default_weight: fields.number("defaultWeight", 0),
  };
  fields.done();
  return adjustment;
}

function writeAdjustment(adjustment: Adjustment): Written[] {
  return [
    text("flavor", adjustment.flavor),
    text("numberOfHostsToAdjust", adjustment.hosts),
    text("adjustedThreshold", adjustment.addition_percent),
    text("adjustedWeight", adjustment.adjusted_weight),
    text("defaultWeight", adjustment.default_weight),
  ];
}

/** The first of `values` where nothing or a blank text stands. */
function oneOf<Value extends string>(
  fields: Fields,
  key: string,
  values: readonly [Value, ...Value[]],
  reading: Reading,
): Value {
  const given = fields.filled(key);
  const value = given === null ? values[0] : values.find((each) => each === given);
  if (value === undefined)
    reading.problem(fields.node, `has the ${key} ${quoted(given!)}: expected one of ${values.join(", ")}`);
  return value ?? values[0];
}

/** How the connections of a flavor spread over the hosts that are adjusted and the others. */
export interface AdjustedLoad {
  /** Null where weights were asked for. */
  readonly addition_percent: number | null;
  /** Null where they were given. */
  readonly weights: { readonly adjusted_weight: number; readonly default_weight: number } | null;
  readonly adjusted: SplitLoad;
  readonly others: SplitLoad;
}

export interface SplitLoad {
  /** Of all these hosts together. */
  readonly connections: number;
  readonly per_host: number;
}

export interface TrafficLoad extends FlavorLoad {
  readonly title: string;
  readonly adjusted: AdjustedLoad | null;
}

export interface Traffic {
  readonly default_server: TrafficLoad;
  readonly distribution: readonly TrafficLoad[];
}

/** `{"defaultServer": {"title", "numberConnections", …}, "distributions": […]}`; connections are whole ones. */
export const trafficDocument: WrittenKind<Traffic> = {
  name: "traffic",
  roots: ["traffic"],
  write: ({ default_server, distribution }) => [
    group("defaultServer", writeLoad(default_server)),
    ...listOf("distributions", distribution.map(writeLoad)),
  ],
};

function writeLoad(load: TrafficLoad): Written[] {
  const { title, flavor, connections, limit, connections_per_host: perHost, adjusted } = load;
  return [
    attribute("title", title),
    attribute("numberConnections", connections),
    attribute("totalConnectionLimit", limit),
    attribute("connectionsHostRatio", Math.round(perHost)),
    text("flavor", flavor),
    ...(adjusted === null ? [] : [writeAdjusted(adjusted)]),
  ];
}

function writeAdjusted({ addition_percent, weights, adjusted, others }: AdjustedLoad): Written {
  const loads = [
    text("adjustedWeightedHostsTraffic", adjusted.connections),
    text("adjustedWeightedHostPossibleTraffic", adjusted.per_host),
    text("defaultWeightedHostsTraffic", others.connections),
    text("defaultWeightedHostPossibleTraffic", others.per_host),
  ];
  if (weights === null)
    return group("adjustedThreshold", [text("adjustedThreshold", addition_percent ?? 0), ...loads]);
  const { adjusted_weight: adjustedWeight, default_weight: defaultWeight } = weights;
  return group("adjustedWeights", [
    text("adjustedWeight", adjustedWeight),
    text("defaultWeight", defaultWeight),
    ...loads,
  ]);
}
