/** The traffic calculator: how many connections a host gets, and which weights give some hosts more or less. */

export interface FlavorTraffic {
  readonly flavor: string;
  readonly percent: number;
  readonly hosts: number;
}

export interface FlavorLoad extends FlavorTraffic {
  readonly connections: number;
  /** Connections that its hosts may take together. */
  readonly limit: number;
  /** 0 where there is no host. */
  readonly connections_per_host: number;
}

/** How `total` connections spread over flavors, the last one taking what the others leave. `threshold`: connections a host may take. */
export function loadsOf(flavors: readonly FlavorTraffic[], total: number, threshold: number): FlavorLoad[] {
  return flavors.map((flavor) => {
    const connections = Math.round((total * flavor.percent) / 100);
    const { hosts } = flavor;
    return {
      ...flavor,
      connections,
      limit: threshold * hosts,
      connections_per_host: hosts === 0 ? 0 : connections / hosts,
    };
  });
}

export interface WeightedHosts {
  /** Hosts with a weight of their own, and all hosts. */
  readonly adjusted_hosts: number;
  readonly hosts: number;
  readonly adjusted_weight: number;
  readonly default_weight: number;
}

export interface AdjustedTraffic {
  /** Connections of the adjusted hosts together, whole ones. */
  readonly bucket: number;
  /** What each of them has more than each of the others, in whole percent; null where there are no others with weight. */
  readonly addition_percent: number | null;
}

/** What weights of their own give to some hosts. */
export function adjustedTraffic(
  { adjusted_hosts, hosts, adjusted_weight, default_weight }: WeightedHosts,
  connections: number,
): AdjustedTraffic {
  const others = hosts - adjusted_hosts;
  const adjusted = adjusted_hosts * adjusted_weight;
  const sum = adjusted + others * default_weight;
  const bucket = sum === 0 ? 0 : (connections * adjusted) / sum;
  const rest = others * default_weight === 0 ? null : (connections - bucket) / others;
  const perHost = adjusted_hosts === 0 ? 0 : bucket / adjusted_hosts;
  return {
    bucket: Math.floor(bucket),
    addition_percent: rest === null || rest === 0 ? null : Math.round((perHost / rest - 1) * 100),
  };
}

/** Weights that give a host so many percent more than others have; less than nothing lifts the others instead. */
export function weightsFor(
  addition_percent: number,
  default_weight: number,
): { readonly adjusted_weight: number; readonly default_weight: number } {
  const wanted = Math.round(default_weight * (addition_percent / 100 + 1));
  return wanted >= 0
    ? { adjusted_weight: wanted, default_weight }
    : { adjusted_weight: 0, default_weight: default_weight - wanted };
}
