/** The servers of an ensemble: which is tried next, and how long to wait before. */
import type { SocketAddress } from "../../platform/socket_address.ts";
import { socketAddress } from "../../platform/socket_address.ts";
import type { NameSource } from "../../platform/names.ts";
import { isIp } from "../../core/schema/ip.ts";
import { DEFAULT_STORE } from "../defaults.ts";

const { first_retry_ms, last_retry_ms, next_server_ms } = DEFAULT_STORE.zookeeper;

export interface ServerName {
  readonly host: string;
  readonly port: number;
}

export function serverText({ host, port }: ServerName): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Servers in an order of chance, so that the clients of an ensemble spread over it. */
export class ServerList {
  readonly #servers: readonly ServerName[];
  readonly #random: () => number;
  #next = 0;
  #failures = 0;

  constructor(servers: readonly ServerName[], random: () => number) {
    this.#random = random;
    const shuffled = [...servers];
    for (let at = shuffled.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      [shuffled[at], shuffled[other]] = [shuffled[other]!, shuffled[at]!];
    }
    this.#servers = shuffled;
  }

  next(): ServerName {
    return this.#servers[this.#next++ % this.#servers.length]!;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /**
   * Notes a failure after an attempt of `attemptMs`. Gives the pause before the next try: short within a round, then longer and longer,
   * by chance. After a round the attempt counts for it, so that long attempts are not followed by long pauses.
   */
  failed(attemptMs: number): number {
    const round = Math.floor(++this.#failures / this.#servers.length);
    const isRoundOver = this.#failures % this.#servers.length === 0;
    const spread = 0.5 + this.#random();
    const shortest = next_server_ms * spread;
    if (!isRoundOver) return shortest;
    const pause = Math.min(first_retry_ms * 2 ** Math.min(round - 1, 30), last_retry_ms);
    return Math.max(shortest, pause * spread - attemptMs);
  }
}

/** An address of the server: of several that its name has, one by chance. Throws an Error with a reason for an operator. */
export async function addressOf(
  { host, port }: ServerName,
  names: Pick<NameSource, "lookup">,
  random: () => number,
): Promise<SocketAddress> {
  if (isIp(host)) return socketAddress({ kind: "tcp", host, port });
  const answer = await names.lookup(host);
  if (answer.kind === "failed") throw new Error(answer.reason);
  const address = answer.addresses[Math.floor(random() * answer.addresses.length)];
  if (address === undefined) throw new Error(`no address for ${host}`);
  return socketAddress({ kind: "tcp", host: address, port });
}
