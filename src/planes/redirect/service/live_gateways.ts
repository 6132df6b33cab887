/** Gateways that are there now: each has a node in the store that goes with it. */
import { GATEWAYS, type GatewayReport } from "../gateway_acks.ts";
import type { Records } from "./records/records.ts";

/** Where gateways of the original stand, by application. */
const ORIGINAL_INSTANCES = "/Redirector/instances";

const decoder = new TextDecoder();

/**
 * In the order of their ids. A gateway that tells something new has two nodes for a moment: the later one counts. A node that says
 * something else is left out. Rejects with ServiceError 503.
 */
export async function liveGateways(records: Records): Promise<GatewayReport[]> {
  const names = await records.names(GATEWAYS);
  const nodes = await Promise.all(names.map((name) => records.node(`${GATEWAYS}/${name}`)));
  const found = nodes.flatMap((node) => (node === null ? [] : (gatewayIn(node.value) ?? [])));
  const byId = new Map(found.toSorted((one, other) => one.at - other.at).map((each) => [each.id, each]));
  return [...byId.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

function gatewayIn(bytes: Uint8Array): GatewayReport | null {
  let value: Partial<GatewayReport> | null;
  try {
    value = JSON.parse(decoder.decode(bytes)) as typeof value;
  } catch {
    return null;
  }
  if (typeof value?.id !== "string" || typeof value.apps !== "object" || value.apps === null) return null;
  return {
    id: value.id,
    started: value.started ?? 0,
    at: value.at ?? 0,
    apps: value.apps,
    lists_version: value.lists_version ?? 0,
    is_offline: value.is_offline ?? false,
  };
}

/** Names of the original's gateways for an application. Rejects with ServiceError 503. */
export async function originalInstances(records: Records, app: string): Promise<readonly string[]> {
  // An application of the original is the name of a node; one that could not be has no gateways there.
  return /^[^/\0-\x1f]+$/.test(app) ? records.names(`${ORIGINAL_INSTANCES}/${app}`) : [];
}
