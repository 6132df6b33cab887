/** Every peer, in the order of the columns. */
import type { Peer } from "../peer.ts";
import { caddy } from "./caddy.ts";
import { envoy } from "./envoy.ts";
import { fairlead, fairleadBase } from "./fairlead.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";

export const ALL_PEERS: readonly Peer[] = [fairlead, fairleadBase, nginx, haproxy, caddy, envoy];
/** Peers of which the better one is the measure. */
export const MEASURE_PEERS: readonly string[] = [nginx.name, haproxy.name];
