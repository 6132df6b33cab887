/**
 * Probes of addresses that are no backends of a pool: whoever follows them says which there are, and is told how each one is. The
 * same checks, rhythm and counts in a row as for backends; the probes of all addresses together are bounded.
 */
import { messageOf } from "../core/text/message_of.ts";
import { afterResult, UNCHECKED, type HealthRecord } from "../core/health/record.ts";
import type { Endpoint, Health } from "../core/model.ts";
import type { ProbePlan } from "../core/plan.ts";
import { isIp } from "../core/schema/ip.ts";
import { canonicalJson } from "../core/state_table.ts";
import type { Clock } from "../platform/clock.ts";
import type { NameSource } from "../platform/names.ts";
import { socketAddress, type SocketAddress } from "../platform/socket_address.ts";
import type { Check, Probe, ProbeResult } from "./contract.ts";
import { ProbeScheduler, type Scheduled } from "./scheduler.ts";

export interface ProbedAddress {
  /** Its identity over changes of the list. */
  readonly id: string;
  /** An address, or a name that is looked up for each probe. */
  readonly host: string;
  readonly port: number;
  readonly check: ProbePlan;
}

export interface AddressProbesOptions {
  readonly probes: readonly Probe[];
  readonly names: Pick<NameSource, "lookup">;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Calls back in the next turn of the event loop, so that many probes do not start in one. */
  readonly nextTurn?: (run: () => void) => void;
  /** Content of a file that a check names. Throws when it was not read. */
  readonly readFile: (path: string) => string;
  /** Called for each probe that has ended, with what is known of the address from then on. */
  readonly result: (id: string, success: boolean, health: Health) => void;
}

interface Known {
  readonly scheduled: Scheduled;
  readonly check: ProbePlan;
  record: HealthRecord;
}

/** The scheduler needs one; names have theirs at each probe. */
const NO_ADDRESS: SocketAddress = socketAddress({ kind: "tcp", host: "127.0.0.1", port: 0 });

export class AddressProbes {
  readonly #options: AddressProbesOptions;
  readonly #scheduler: ProbeScheduler;
  #known = new Map<string, Known>();

  constructor(options: AddressProbesOptions) {
    this.#options = options;
    const { clock, random, nextTurn } = options;
    const result = (id: string, { healthy }: ProbeResult): void => this.#result(id, healthy);
    this.#scheduler = new ProbeScheduler({ clock, random, result, ...(nextTurn && { nextTurn }) });
  }

  /** Probes exactly these from now on. Those that are as before keep their rhythm and what is known of them. */
  update(addresses: readonly ProbedAddress[]): void {
    const before = this.#known;
    this.#known = new Map();
    for (const address of addresses) {
      const settings = canonicalJson([address.host, address.port, address.check]);
      const known = before.get(address.id);
      if (known?.scheduled.settings === settings) this.#known.set(address.id, known);
      else this.#known.set(address.id, this.#make(address, settings));
    }
    this.#scheduler.update([...this.#known.values()].map(({ scheduled }) => scheduled));
  }

  stop(): void {
    this.#known.clear();
    this.#scheduler.stop();
  }

  #make({ id, host, port, check }: ProbedAddress, settings: string): Known {
    const isName = !isIp(host);
    const endpoint: Endpoint = { kind: "tcp", host, port };
    const prepared = this.#prepare(endpoint, check);
    const scheduled: Scheduled = {
      id,
      settings,
      timing: check,
      address: isName ? NO_ADDRESS : socketAddress(endpoint),
      check: isName ? new NamedCheck(prepared, host, port, this.#options.names) : prepared,
    };
    return { scheduled, check, record: UNCHECKED };
  }

  /** A check that cannot be made fails each time, with the reason. */
  #prepare(endpoint: Endpoint, { type, options }: ProbePlan): Check {
    const { probes, readFile } = this.#options;
    try {
      const probe = probes.find(({ name }) => name === type);
      if (probe === undefined) throw new Error(`there is no probe ${type}`);
      const target = { endpoint, tls: false, pool_tls: null, host: null, proxy_protocol: "none" } as const;
      return probe.create(options, { ...target, readFile });
    } catch (error) {
      return new BrokenCheck(messageOf(error));
    }
  }

  #result(id: string, success: boolean): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    known.record = afterResult(known.record, success, known.check);
    this.#options.result(id, success, known.record.health);
  }
}

class BrokenCheck implements Check {
  readonly #reason: string;

  constructor(reason: string) {
    this.#reason = reason;
  }

  start(_address: SocketAddress, done: (result: ProbeResult) => void): () => void {
    done({ healthy: false, reason: this.#reason });
    return () => {};
  }
}

/** Looks its name up and checks the first address. */
class NamedCheck implements Check {
  readonly #check: Check;
  readonly #host: string;
  readonly #port: number;
  readonly #names: Pick<NameSource, "lookup">;

  constructor(check: Check, host: string, port: number, names: Pick<NameSource, "lookup">) {
    this.#check = check;
    this.#host = host;
    this.#port = port;
    this.#names = names;
  }

  start(_address: SocketAddress, done: (result: ProbeResult) => void): () => void {
    let isOver = false;
    let end: (() => void) | null = null;
    const fail = (reason: string): void => done({ healthy: false, reason: `${this.#host}: ${reason}` });
    const begin = async (): Promise<void> => {
      const answer = await this.#names.lookup(this.#host);
      if (isOver) return;
      if (answer.kind === "failed") return fail(answer.reason);
      const [host] = answer.addresses;
      if (host === undefined) return fail("the name has no address");
      end = this.#check.start(socketAddress({ kind: "tcp", host, port: this.#port }), done);
    };
    begin().catch((error: unknown) => {
      if (!isOver) fail(messageOf(error));
    });
    return () => {
      isOver = true;
      end?.();
    };
  }
}
