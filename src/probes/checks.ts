/** The prepared check of every backend of a plan, each with a text that tells whether it is still the same. */
import { messageOf } from "../core/text/message_of.ts";
import { membersOfPlan, type PoolMember } from "../core/health/members.ts";
import type { BackendPlan, Plan, PoolPlan, ProbePlan } from "../core/plan.ts";
import type { FileMap, MemberMap } from "../core/snapshot.ts";
import { canonicalJson } from "../core/state_table.ts";
import type { Endpoint } from "../core/model.ts";
import { endpointText } from "../core/model.ts";
import { socketAddress } from "../platform/socket_address.ts";
import type { Check, Probe } from "./contract.ts";
import type { Scheduled } from "./scheduler.ts";

/** A check and everything that matters to it but the address. */
interface PreparedCheck {
  readonly check: Check;
  readonly settings: string;
}

export class PlanChecks {
  readonly plan: Plan;
  readonly #checks = new Map<BackendPlan, PreparedCheck>();

  /** Throws, with words for the operator, when a check cannot be made. */
  constructor(plan: Plan, files: FileMap, probes: readonly Probe[]) {
    this.plan = plan;
    for (const pool of plan.pools) {
      const { health_check } = pool;
      if (health_check === null) continue;
      const probe = probes.find(({ name }) => name === health_check.type);
      if (probe === undefined) throw new Error(`pool ${pool.name}: no probe ${health_check.type}`);
      for (const backend of pool.backends) {
        try {
          this.#checks.set(backend, prepare(probe, pool, backend, health_check, files));
        } catch (error) {
          const words = messageOf(error);
          throw new Error(`pool ${pool.name}, backend ${backend.id}: ${words}`, { cause: error });
        }
      }
    }
  }

  /** Every member that is to be probed. */
  scheduled(members: MemberMap): (Scheduled & { readonly member: PoolMember })[] {
    return membersOfPlan(this.plan, members).flatMap((member) => {
      const { pool, backend, endpoint, id } = member;
      const prepared = this.#checks.get(backend);
      if (pool.health_check === null || prepared === undefined) return [];
      const checked = withPort(endpoint, pool.health_check.port);
      return {
        id,
        member,
        check: prepared.check,
        settings: `${endpointText(checked)} ${prepared.settings}`,
        timing: pool.health_check,
        address: socketAddress(checked),
      };
    });
  }
}

function prepare(
  probe: Probe,
  pool: PoolPlan,
  backend: BackendPlan,
  health_check: ProbePlan,
  files: FileMap,
): PreparedCheck {
  const read: Record<string, string> = {};
  const target = {
    endpoint: withPort(backend.endpoint, health_check.port),
    tls: backend.tls,
    pool_tls: pool.tls,
    host: typeof pool.host_header === "object" ? pool.host_header.name : null,
    proxy_protocol: pool.proxy_protocol,
  };
  const check = probe.create(health_check.options, {
    ...target,
    readFile(path) {
      const content = files[path];
      if (content === undefined) throw new Error(`${path} was not read`);
      read[path] = Bun.hash(content).toString(36);
      return content;
    },
  });
  return { check, settings: canonicalJson({ health_check, target, read }) };
}

/** Unix sockets have no port: there `port` says nothing. */
function withPort(endpoint: Endpoint, port: number | null): Endpoint {
  return port === null || endpoint.kind === "unix" ? endpoint : { ...endpoint, port };
}
