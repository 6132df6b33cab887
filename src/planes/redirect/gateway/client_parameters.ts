/**
 * What a client has sent, as parameters of a decision: fields of the head by their names, and above them the pairs of the query or
 * of the body. Only what a decision asks for is looked up. Measured by `bun run bench redirect`.
 */
import type { Context } from "../../../core/redirect/context.ts";
import { isBlank } from "../../../core/redirect/context.ts";
import { AddressSet, parseAddressRange } from "../../../core/redirect/address_set.ts";
import type { Exchange } from "../../../net/exchange.ts";

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
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  #hasQuery = false;
  #dropped = 0;

  constructor(trusted: TrustedSources) {
    this.#trusted = trusted;
  }

  /** `body` takes the place of the query where a request has one. */
  begin(exchange: Exchange, body: ReadonlyMap<string, string> | null): void {
    this.#exchange = exchange;
    this.#body = body;
    this.#names.length = this.#values.length = 0;
    this.#hasQuery = false;
  }

  end(): void {
    this.#exchange = this.#body = null;
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
    if (!this.#hasQuery) this.#readQuery(this.#exchange!.target);
    const at = this.#names.indexOf(name);
    return at < 0 ? undefined : this.#values[at];
  }

  /** Of a name that stands there more than once the first value counts. */
  #readQuery(target: string): void {
    this.#hasQuery = true;
    let at = target.indexOf("?") + 1;
    while (at > 0 && at < target.length) {
      let end = target.indexOf("&", at);
      if (end < 0) end = target.length;
      const equals = target.indexOf("=", at);
      const nameEnd = equals < 0 || equals > end ? end : equals;
      if (nameEnd > at) {
        this.#names.push(decoded(target.slice(at, nameEnd)));
        this.#values.push(nameEnd === end ? "" : decoded(target.slice(nameEnd + 1, end)));
      }
      at = end + 1;
    }
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

const NEEDS_DECODING = /[%+]/;

/** A pair that is not encoded as it should is taken as it stands. */
function decoded(text: string): string {
  if (!NEEDS_DECODING.test(text)) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
