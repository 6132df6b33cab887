/** The traffic calculator: how many connections hosts would get, and what weights of their own would change. */
import {
  type AdjustedLoad,
  type Adjustment,
  type Traffic,
  trafficDocument,
  type TrafficLoad,
  type TrafficQuestion,
  trafficQuestionDocument,
} from "../../../../core/redirect/documents/traffic.ts";
import { totalPercent } from "../../../../core/redirect/checks/distribution.ts";
import type { RedirectModel, Server } from "../../../../core/redirect/model.ts";
import { adjustedTraffic, loadsOf, weightsFor } from "../../../../core/redirect/traffic.ts";
import type { AppView } from "../app_view.ts";
import type { ServiceAnswer } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { activeHosts, whitelistedHosts } from "../stack_paths.ts";

const PERMISSION = "traffic";

interface FlavorShare {
  readonly flavor: string;
  readonly percent: number;
}

/** The shares in order, and the default server behind them with what they leave. */
function sharesOf({ distribution, default_server }: RedirectModel, app: string): FlavorShare[] {
  if (default_server === null) throw new ServiceError(404, `${app} has no default server`);
  const shares = distribution.map(({ percent, server }) => ({ flavor: flavorOf(server), percent }));
  // As percentages are written: without the noise of subtraction.
  const rest = Number((100 - totalPercent(distribution)).toFixed(6));
  return [...shares, { flavor: flavorOf(default_server), percent: rest }];
}

const flavorOf = ({ path, url }: Server): string => path ?? url;

function trafficOf({ app, approved, next, stacks }: AppView, question: TrafficQuestion): Traffic {
  const model = question.distribution === "NEXT" ? next : approved;
  const { whitelist } = model;
  const flavors = sharesOf(model, app).map(({ flavor, percent }) => ({
    flavor,
    percent,
    hosts:
      question.hosts === "ALL_WHITELISTED"
        ? whitelistedHosts(flavor, stacks, whitelist).length
        : activeHosts(flavor, stacks, whitelist),
  }));
  const loads = loadsOf(flavors, question.connections, question.threshold).map((load, index): TrafficLoad => {
    const name = index < flavors.length - 1 ? "Distribution" : "Default server";
    const adjustment = question.adjustments.find(({ flavor }) => flavor === load.flavor) ?? null;
    return {
      ...load,
      title: `${name} ${load.percent}% of ${load.flavor}`,
      adjusted: adjustment === null ? null : adjustedLoad(question.adjust, adjustment, load),
    };
  });
  return { default_server: loads.at(-1)!, distribution: loads.slice(0, -1) };
}

function adjustedLoad(
  mode: TrafficQuestion["adjust"],
  { hosts: adjustedHosts, addition_percent, adjusted_weight, default_weight }: Adjustment,
  { connections, hosts }: Pick<TrafficLoad, "connections" | "hosts">,
): AdjustedLoad | null {
  if (mode === "NONE") return null;
  const weights =
    mode === "ADJUSTED_TRAFFIC"
      ? { adjusted_weight, default_weight }
      : weightsFor(addition_percent, default_weight);
  // Who wants to adjust more hosts than there are adjusts them all.
  const some = Math.min(adjustedHosts, hosts);
  const found = adjustedTraffic({ adjusted_hosts: some, hosts, ...weights }, connections);
  const others = connections - found.bucket;
  return {
    addition_percent: mode === "ADJUSTED_TRAFFIC" ? found.addition_percent : null,
    weights: mode === "ADJUSTED_TRAFFIC" ? null : weights,
    adjusted: { connections: found.bucket, per_host: some === 0 ? 0 : Math.floor(found.bucket / some) },
    others: {
      connections: others,
      per_host: hosts === some ? 0 : Math.floor(others / (hosts - some)),
    },
  };
}

async function answer(
  call: Call,
  service: Service,
  distribution: TrafficQuestion["distribution"],
): Promise<ServiceAnswer> {
  const isActive = call.parameter("isActive");
  if (isActive !== "true" && isActive !== "false")
    throw new ServiceError(400, `isActive: ${JSON.stringify(isActive)}; expected true or false`);
  const question: TrafficQuestion = {
    connections: call.number("totalConnections"),
    threshold: call.number("threshold"),
    hosts: isActive === "true" ? "ONLY_ACTIVE_WHITELISTED" : "ALL_WHITELISTED",
    distribution,
    adjust: "NONE",
    adjustments: [],
  };
  return call.give(trafficDocument, trafficOf(await service.view(call.app), question));
}

const GIVES = document("Connections of each flavor, and of its hosts.");
const REST = "{app}/{totalConnections}/{threshold}/{isActive}";

export const trafficEndpoints: readonly Endpoint[] = [
  {
    id: "calculateTraffic",
    method: "POST",
    path: "/traffic/{app}",
    summary: "How connections spread over flavors and hosts, also with weights that are only thought of",
    permission: PERMISSION,
    mode: "read",
    takes: document("Connections, hosts and weights."),
    gives: GIVES,
    async handle(call, service) {
      const question = call.document(trafficQuestionDocument);
      return call.give(trafficDocument, trafficOf(await service.view(call.app), question));
    },
  },
  {
    id: "getCurrentTraffic",
    method: "GET",
    path: `/traffic/current/${REST}`,
    summary: "How connections spread by the distribution that acts",
    permission: PERMISSION,
    gives: GIVES,
    handle: (call, service) => answer(call, service, "CURRENT"),
  },
  {
    id: "getNextTraffic",
    method: "GET",
    path: `/traffic/next/${REST}`,
    summary: "How connections would spread by the distribution with all pending changes",
    permission: PERMISSION,
    gives: GIVES,
    handle: (call, service) => answer(call, service, "NEXT"),
  },
];
