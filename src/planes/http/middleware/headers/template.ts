/**
 * Values of fields with placeholders: `{client_address}`, `{header.User-Agent}`, `{query.page}`. What a request says is
 * untrusted: a value that would break the field (CR, LF, NUL, other control characters) is told apart, never sent.
 */
import { SyntaxProblem } from "../../../../core/rules/linear_regex.ts";
import { queryValue } from "../../../../core/rules/query.ts";
import type { Exchange } from "../../../../net/exchange.ts";

type Read = (exchange: Exchange, argument: string) => string;

const PLAIN: Readonly<Record<string, Read>> = {
  authority: ({ authority }) => authority,
  client_address: ({ client }) => client.address,
  client_port: ({ client }) => String(client.port),
  host: ({ host }) => host,
  listener: ({ listenerName }) => listenerName,
  method: ({ method }) => method,
  path: ({ target }) => target.split("?", 1)[0]!,
  peer_address: ({ client }) => client.peerAddress,
  protocol: ({ down }) => down.protocol,
  request_id: ({ requestId }) => requestId,
  route: ({ routeName }) => latin1(routeName),
  scheme: ({ secure }) => (secure ? "https" : "http"),
  target: ({ target }) => target,
  user: ({ user }) => latin1(user),
};

const WITH_ARGUMENT: Readonly<Record<string, Read>> = {
  header: ({ request }, name) => request.get(name) ?? "",
  query: ({ target }, name) => queryValue(target, name) ?? "",
};

/** Placeholders as they are written, for messages and the documentation. */
export const PLACEHOLDERS: readonly string[] = [
  ...Object.keys(PLAIN).map((name) => `{${name}}`),
  "{header.NAME}",
  "{query.NAME}",
];

/** `{{` is a brace; `{name}` and `{name.argument}` are placeholders; any other brace stands for itself, as in JSON. */
const BRACES = /\{\{|\{([a-z_]+)(?:\.([^{}\s]+))?\}/g;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

interface Placeholder {
  readonly read: Read;
  readonly argument: string;
}

export class Template {
  /** The value where it is the same for all requests, else null. */
  readonly constant: string | null;
  /** True when a value may come out that no field may hold. */
  readonly mayBreak: boolean;
  readonly #parts: readonly (string | Placeholder)[];

  /** Throws SyntaxProblem for placeholders that do not exist. */
  constructor(text: string) {
    this.#parts = partsOf(text);
    this.constant = this.#parts.every((part) => typeof part === "string") ? this.#parts.join("") : null;
    this.mayBreak = this.#parts.some(
      (part) => typeof part !== "string" && part.read === WITH_ARGUMENT["query"],
    );
  }

  value(exchange: Exchange): string {
    let value = "";
    for (const part of this.#parts)
      value += typeof part === "string" ? part : part.read(exchange, part.argument);
    return value;
  }
}

function partsOf(text: string): (string | Placeholder)[] {
  const parts: (string | Placeholder)[] = [];
  let at = 0;
  for (const match of text.matchAll(BRACES)) {
    const [whole, name, argument] = match;
    parts.push(text.slice(at, match.index) + (name === undefined ? "{" : ""));
    if (name !== undefined) parts.push(placeholder(whole, name, argument));
    at = match.index + whole.length;
  }
  parts.push(text.slice(at));
  return parts.filter((part) => part !== "");
}

function placeholder(whole: string, name: string, argument: string | undefined): Placeholder {
  const table = argument === undefined ? PLAIN : WITH_ARGUMENT;
  const read = Object.hasOwn(table, name) ? table[name] : undefined;
  if (read === undefined)
    throw new SyntaxProblem(
      `unknown placeholder ${whole}`,
      `one of ${PLACEHOLDERS.join(", ")}; a brace is {{`,
    );
  if (name === "header" && !FIELD_NAME.test(argument!))
    throw new SyntaxProblem(
      `no field can be named as in ${whole}`,
      "a field name such as {header.User-Agent}",
    );
  return { read, argument: name === "header" ? argument!.toLowerCase() : (argument ?? "") };
}

/** Names of the configuration may hold any letter; fields hold bytes. */
function latin1(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : Buffer.from(text, "utf8").latin1Slice();
}
