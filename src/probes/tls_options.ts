/** TLS of a probe: as traffic reaches the backend, unless its own settings say otherwise. */
import type { z } from "zod";
import { hostField } from "../core/model.ts";
import { clientTls } from "../core/schema/client_tls.ts";
import type { UpstreamTlsPlan } from "../core/plan.ts";
import type { FileMap } from "../core/snapshot.ts";
import { withoutAddresses } from "../net/proxy_header_writer.ts";
import type { ClientTlsOptions } from "../platform/connect.ts";
import { prepareUpstreamTls } from "../platform/tls_upstream.ts";
import type { ConnectionSettings } from "./connection.ts";
import type { ProbeTarget } from "./contract.ts";

/** The setting `tls` of a probe. */
export function tlsOption() {
  return clientTls({
    ca: "PEM file with authorities.",
    server_name: "Name that is sent (SNI) and verified; an address is verified only.",
    verify: "Verify the backend's certificate.",
  });
}

export type TlsOption = z.output<ReturnType<typeof tlsOption>>;

/**
 * How a probe connects to `target`. What `option` leaves out is taken from the pool. Throws for a file that was not read
 * or cannot be used.
 */
export function connectionSettings(option: TlsOption | undefined, target: ProbeTarget): ConnectionSettings {
  const { proxy_protocol } = target;
  return {
    tls: tlsOptions(option, target),
    prelude: proxy_protocol === "none" ? null : withoutAddresses(proxy_protocol),
  };
}

function tlsOptions(option: TlsOption | undefined, target: ProbeTarget): ClientTlsOptions | null {
  if (!(option === undefined ? target.tls : option !== false)) return null;
  const { endpoint, pool_tls: pool } = target;
  const own = typeof option === "object" ? option : {};
  const plan: UpstreamTlsPlan = {
    ca: own.ca ?? pool?.ca ?? null,
    cert: own.cert ?? pool?.cert ?? null,
    key: own.key ?? pool?.key ?? null,
    server_name: own.server_name ?? pool?.server_name ?? null,
    verify: own.verify ?? pool?.verify ?? true,
  };
  const host = endpoint.kind === "tcp" ? endpoint.host : "";
  const tls = prepareUpstreamTls(plan, host, filesOf(plan, target));
  // A resumed session shows no certificate, and a check is to see the one that new clients see.
  delete tls.session;
  return tls;
}

function filesOf({ ca, cert, key }: UpstreamTlsPlan, target: ProbeTarget): FileMap {
  const paths = [ca, cert, key].filter((path) => path !== null);
  return Object.fromEntries(paths.map((path) => [path, target.readFile(path)]));
}

/** The Host of a probe of `target`: the pool's fixed one, or the backend's, without the usual port of its scheme. */
export function hostOf({ endpoint, host }: ProbeTarget, secure: boolean): string {
  return host ?? hostField(endpoint, secure);
}
