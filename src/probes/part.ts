/** Health of backends as a part of the supervisor, with the machine's clock, chance and names. */
import { endpointText } from "../core/model.ts";
import type { HostsDnsPlan } from "../core/plan.ts";
import { realClock } from "../platform/clock.ts";
import { realFiles } from "../platform/files.ts";
import { SystemNames } from "../platform/names_system.ts";
import { probes } from "./all.ts";
import { HealthKeeper, type HealthHost, type HealthKeeperOptions } from "./health_keeper.ts";

export interface HealthPartOptions extends Pick<HealthKeeperOptions, "report" | "probed"> {
  /** Health is kept in `state_dir`, and that of an earlier run counts until the first results. Default: yes. */
  readonly isKept?: boolean;
}

/** Makes the part for a supervisor. */
export function healthPart({
  isKept = true,
  ...told
}: HealthPartOptions): (host: HealthHost) => HealthKeeper {
  return (host) =>
    new HealthKeeper(host, {
      probes,
      names: new SystemNames({
        clock: realClock,
        serversOf: (servers) => withoutOwnResponder(servers, host.snapshot().plan.hosts?.dns ?? null),
      }),
      clock: realClock,
      random: Math.random,
      nextTurn: (run) => void setImmediate(run),
      ...(isKept ? { files: realFiles } : {}),
      ...told,
    });
}

const DNS_PORT = 53;

/** Our own responder would answer with what we have written ourselves: those that it asks are asked in its place. */
export function withoutOwnResponder(servers: readonly string[], dns: HostsDnsPlan | null): readonly string[] {
  if (dns === null) return servers;
  const { host, port } = dns.address;
  const isOurs = (server: string): boolean =>
    server === addressText(host, port) || (port === DNS_PORT && server === host);
  if (!servers.some(isOurs)) return servers;
  const upstream = dns.upstream.map((one) => addressText(one.host, one.port));
  return [...new Set([...servers.filter((server) => !isOurs(server)), ...upstream])];
}

function addressText(host: string, port: number): string {
  return endpointText({ kind: "tcp", host, port });
}
