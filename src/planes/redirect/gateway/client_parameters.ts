/**
 * What a client has sent, as parameters of a decision: fields of the head by their names, and above them the pairs of the query or
 * of the body. Only what a decision asks for is looked up. Measured by `bun run bench redirect`.
 */
import type { Context } from "../../../core/redirect/context.ts";
import { isBlank } from "../../../core/redirect/context.ts";
import { AddressSet, parseAddressRange } from "../../../core/redirect/address_set.ts";
import type { Exchange } from "../../../net/exchange.ts";
import { QueryPairs } from "../../../net/query_pairs.ts";

/** Set by us from the connection, the PROXY header or trusted forwarding fields; what a client says is not looked at. */
export const CLIENT_ADDRESS = "clientAddress";

/** Networks whose clients may send a parameter, by its name. Parameters that are not named come from anybody. */
export type TrustedSources = ReadonlyMap<string, AddressSet>;

/** Throws RangeError for a text that is no network. */
export function trustedSources(networks: Readonly<Record<string, readonly string[]>>): TrustedSources {
  return new Map(
    Object.entries(networks).map(([name, texts]) => {
      const ranges = texts.map((text) => {
        const range = parseAddressRange(text);
        if (range === null) throw new RangeError(`${text}: expected a network such as 10.0.0.0/8`);
        return range;
      });
      return [name, new AddressSet(ranges)];
    }),
  );
}

export class ClientParameters {
  /** Looks parameters of the present request up. */
  readonly context: Context = (name) => this.#find(name);
  readonly #trusted: TrustedSources;
  #exchange: Exchange | null = null;
  #body: ReadonlyMap<string, string> | null = null;
  readonly #query = new QueryPairs();
  #hasQuery = false;
  #dropped = 0;

  constructor(trusted: TrustedSources) {
    this.#trusted = trusted;
  }

  /** `body` takes the place of the query where a request has one. */
  begin(exchange: Exchange, body: ReadonlyMap<string, string> | null): void {
    this.#exchange = exchange;
    this.#body = body;
    this.#hasQuery = false;
  }

  end(): void {
    this.#exchange = this.#body = null;
    if (this.#hasQuery) this.#query.end();
  }

  /** How often a parameter was not looked at because its sender may not say it, since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #find(name: string): string | undefined {
    const exchange = this.#exchange!;
    if (name === CLIENT_ADDRESS) return exchange.client.address === "" ? undefined : exchange.client.address;
    const value = this.#sent(name) ?? fieldOf(exchange, name);
    if (value === undefined || this.#mayBeSaid(name, exchange)) return value;
    this.#dropped++;
    return undefined;
  }

  #mayBeSaid(name: string, { client }: Exchange): boolean {
    const sources = this.#trusted.get(name);
    if (sources === undefined) return true;
    const range = parseAddressRange(client.address);
    return range !== null && sources.holds(range);
  }

  #sent(name: string): string | undefined {
    if (this.#body !== null) return this.#body.get(name);
    if (!this.#hasQuery) this.#readQuery(this.#exchange!);
    return this.#query.value(name);
  }

  #readQuery({ request, rewrittenTarget, targetFrom, targetTo }: Exchange): void {
    this.#hasQuery = true;
    if (rewrittenTarget === null) this.#query.read(request.bytes, targetFrom, targetTo);
    else this.#query.read(Buffer.from(rewrittenTarget, "latin1"), 0, rewrittenTarget.length);
  }
}

/** Names that decisions ask for, in lower case: there are few, and each is asked for by every client. */
const lowerNames = new Map<string, string>();
const MOST_LOWER_NAMES = 1_000;

function lowerCase(name: string): string {
  let lower = lowerNames.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (lowerNames.size < MOST_LOWER_NAMES) lowerNames.set(name, lower);
  }
  return lower;
}

/** The value of a field: of the one whose name has just these letters, else of any with this name; blank ones do not count. */
function fieldOf({ request }: Exchange, name: string): string | undefined {
  const lower = lowerCase(name);
  let found: string | undefined;
  for (let index = request.find(lower); index >= 0; index = request.find(lower, index + 1)) {
    const value = request.valueAt(index);
    if (isBlank(value)) continue;
    if (request.nameAt(index) === name) return value;
    found ??= value;
  }
  return found;
}
