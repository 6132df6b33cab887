/** A check of one address, on its own: whether the host that registers serves. */
import { afterResult, UNCHECKED, type Thresholds } from "../../core/health/record.ts";
import { parseBackendUrl, type ParsedBackendUrl } from "../../core/schema/backend_url.ts";
import type { Endpoint, Health } from "../../core/model.ts";
import { endpointText } from "../../core/model.ts";
import { isIp } from "../../core/schema/ip.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { realClock } from "../../platform/clock.ts";
import type { NameSource } from "../../platform/names.ts";
import { SystemNames } from "../../platform/names_system.ts";
import { socketAddress } from "../../platform/socket_address.ts";
import { probeByName } from "../../probes/all.ts";
import type { Check, ProbeResult } from "../../probes/contract.ts";
import { ProbeScheduler, type Scheduled } from "../../probes/scheduler.ts";

/** What is checked, as `--check` says it. */
export interface CheckedUrl {
  readonly probe: "tcp" | "http";
  readonly backend: ParsedBackendUrl;
  /** Of a request; "" for tcp. */
  readonly target: string;
}

/** `tcp://host:port`, `http://host:port/path` or https. The problem completes "--check: …". */
export function parseCheckedUrl(text: string): CheckedUrl | { readonly problem: string } {
  const match = /^(tcp|https?):\/\/([^/?#]+)(\/[^#]*)?$/i.exec(text);
  if (match === null)
    return { problem: `${JSON.stringify(text)}: expected tcp://host:port or http://host:port/path` };
  const [, scheme = "", authority = "", target = ""] = match;
  const backend = parseBackendUrl(`${scheme}://${authority}`);
  if ("problem" in backend) return backend;
  const probe = scheme.toLowerCase() === "tcp" ? "tcp" : "http";
  if (probe === "tcp" && target !== "")
    return { problem: `${JSON.stringify(text)}: a connection has no path; expected tcp://host:port` };
  return { probe, backend, target: probe === "http" ? target || "/" : "" };
}

export interface CheckTiming extends Thresholds {
  readonly interval_ms: number;
  readonly timeout_ms: number;
}

export class OwnCheck {
  readonly #scheduler: ProbeScheduler;
  readonly #timing: CheckTiming;
  readonly #changed: (health: Health, reason: string) => void;
  #record = UNCHECKED;

  /** Starts at once. `changed` hears of the first result and of each change after it. Throws where the check cannot be made. */
  constructor(
    checked: CheckedUrl,
    timing: CheckTiming,
    changed: (health: Health, reason: string) => void,
    names: NameSource = new SystemNames({ clock: realClock }),
  ) {
    this.#timing = timing;
    this.#changed = changed;
    this.#scheduler = new ProbeScheduler({
      clock: realClock,
      random: Math.random,
      result: (_id, result) => this.#result(result),
    });
    this.#scheduler.update([scheduledCheck(checked, timing, names)]);
  }

  stop(): void {
    this.#scheduler.stop();
  }

  #result({ healthy, reason }: ProbeResult): void {
    const before = this.#record.health;
    this.#record = afterResult(this.#record, healthy, this.#timing);
    if (this.#record.health !== before) this.#changed(this.#record.health, reason);
  }
}

/** The scheduler's address is only told to the check, which looks up a name's own each time. */
function scheduledCheck(
  { probe: name, backend, target }: CheckedUrl,
  timing: CheckTiming,
  names: NameSource,
): Scheduled {
  const probe = probeByName(name)!;
  const { endpoint, tls } = backend;
  const check = probe.create(probe.schema.parse(name === "http" ? { path: target } : {}), {
    endpoint,
    tls,
    pool_tls: null,
    host: null,
    proxy_protocol: "none",
    readFile(path) {
      throw new Error(`${path} was not read`);
    },
  });
  const isName = endpoint.kind === "tcp" && !isIp(endpoint.host);
  return {
    id: endpointText(endpoint),
    settings: "",
    timing: { ...timing, jitter: 0 },
    address: socketAddress(isName ? { kind: "tcp", host: "0.0.0.0", port: endpoint.port } : endpoint),
    check: isName ? checkOfName(endpoint, check, names) : check,
  };
}

/** Looks the name up before each probe: it is one lookup in an interval. */
function checkOfName(endpoint: Endpoint & { readonly kind: "tcp" }, check: Check, names: NameSource): Check {
  return {
    start(_address, done) {
      let isOver = false;
      let cancel: (() => void) | null = null;
      names.lookup(endpoint.host).then(
        (answer) => {
          if (isOver) return;
          const [host] = answer.kind === "found" ? answer.addresses : [];
          const problem = answer.kind === "failed" ? answer.reason : `${endpoint.host} has no address`;
          if (host === undefined) done({ healthy: false, reason: problem });
          else cancel = check.start(socketAddress({ ...endpoint, host }), done);
        },
        (error: unknown) => {
          if (!isOver) done({ healthy: false, reason: `${endpoint.host}: ${messageOf(error)}` });
        },
      );
      return () => {
        isOver = true;
        cancel?.();
      };
    },
  };
}
