/** What `fairlead explain` is asked: a request as a user would write it down. */
import { z } from "zod";
import { formatIp, parseIp } from "../schema/ip.ts";

/** What cannot be asked. The message is one sentence. */
export class QuestionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "QuestionError";
  }
}

const MOST_CHARACTERS = 32_768;
const MOST_LINES = 1_000;

/** Refuses line breaks: they would begin another line of the request. The rest is the parser's to judge. */
const oneLine = (most: number) =>
  z
    .string()
    .max(most, { error: `has more than ${most} characters` })
    .refine((text) => !/[\r\n]/.test(text), { error: "has a line break" });

export const explainQuestionSchema = z.strictObject({
  method: oneLine(256)
    .min(1, { error: "is empty" })
    .default("GET")
    .meta({ description: "Any word, also one that is refused." }),
  url: oneLine(MOST_CHARACTERS).meta({
    description:
      "`http://` or `https://`, host, port where it is not 80 or 443, path and query as they are sent.",
  }),
  headers: z
    .array(
      oneLine(MOST_CHARACTERS).refine((line) => line.includes(":"), {
        error: 'has no colon, expected "Name: value"',
      }),
    )
    .max(MOST_LINES, { error: `has more than ${MOST_LINES} lines` })
    .default([])
    .meta({
      description: "Lines `Name: value` in order. Host stands for that of the URL unless a line gives it.",
    }),
  from: z
    .string()
    .refine((text) => parseIp(text) !== null, { error: "is no IP address" })
    .nullable()
    .default(null)
    .meta({ description: "Address of the peer. Null: 127.0.0.1, or none for a unix socket." }),
  listener: z
    .string()
    .max(MOST_CHARACTERS)
    .nullable()
    .default(null)
    .meta({ description: "Name of the listener. Null: by scheme, port and address of the URL." }),
});

export type ExplainQuestion = z.output<typeof explainQuestionSchema>;
/** As it may be given: what is left out has its default. */
export type GivenQuestion = z.input<typeof explainQuestionSchema>;

/** Checks a question of unknown form. Throws QuestionError with the first thing that is wrong. */
export function parseQuestion(given: unknown): ExplainQuestion {
  const { data, error } = explainQuestionSchema.safeParse(given);
  if (data !== undefined) return data;
  const { path, message } = error.issues[0]!;
  const [name, index] = path;
  const where = name === "headers" && typeof index === "number" ? `header ${index + 1}` : path.join(".");
  throw new QuestionError(where === "" ? message : `${where}: ${message}`);
}

/** A URL taken apart, with nothing decoded or made normal. */
export interface AskedUrl {
  readonly secure: boolean;
  /** Host and port as written. */
  readonly authority: string;
  /** Without brackets and port, lower case. */
  readonly host: string;
  readonly port: number;
  /** The URL names the port. */
  readonly namesPort: boolean;
  readonly target: string;
  /** What followed `#`, which no client sends. */
  readonly fragment: boolean;
}

const URL_FORM = /^(https?):\/\/([^/?#*]*)([^#]*)(#.*)?$/is;
const PORT = /:(\d*)$/;

/** Takes a URL apart. Throws QuestionError where it is none of http or https. */
export function parseAskedUrl(url: string): AskedUrl {
  const match = URL_FORM.exec(url);
  if (match === null)
    throw new QuestionError(`url ${shown(url)}: expected http://host/path or https://host/path`);
  const [, scheme = "", authority = "", rest = "", fragment] = match;
  if (authority === "") throw new QuestionError(`url ${shown(url)}: names no host`);
  if (authority.includes("@"))
    throw new QuestionError("url: holds a user; give the field that a client sends: -H 'Authorization: …'");
  const secure = scheme.toLowerCase() === "https";
  const portText = PORT.exec(authority.replace(/^\[[^\]]*\]/, ""))?.[1] ?? "";
  const port = portText === "" ? (secure ? 443 : 80) : Number(portText);
  if (port > 65_535) throw new QuestionError(`url ${shown(url)}: port ${portText} is above 65535`);
  const bare = authority.replace(PORT, (end) => (authority.endsWith("]") ? end : ""));
  return {
    secure,
    authority,
    host: bare
      .replace(/^\[(.*)\]$/, "$1")
      .replace(/\.$/, "")
      .toLowerCase(),
    port,
    namesPort: portText !== "",
    target: rest.startsWith("/") || rest === "*" ? rest : `/${rest}`,
    fragment: fragment !== undefined,
  };
}

/** The head as a client sends it. A Host line among the headers stands for the one of the URL. */
export function requestHead({ method, headers }: ExplainQuestion, { authority, target }: AskedUrl): string {
  const namesHost = headers.some((line) => /^host\s*:/i.test(line));
  const lines = namesHost ? headers : [`Host: ${authority}`, ...headers];
  return `${[`${method} ${target} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`;
}

/** The name that a client asks for in its handshake: none for an address (RFC 6066 3). */
export function serverNameOf({ secure, host }: AskedUrl): string {
  return secure && parseIp(host) === null ? host : "";
}

/** The address of the peer as it is shown in logs. */
export function peerAddress(from: string): string {
  return formatIp(parseIp(from)!);
}

const SHOWN = 80;

/** Text of a user for a message: short, and with nothing in it that a terminal would act on. */
export function shown(text: string): string {
  const quoted = JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  return quoted.replace(
    // oxlint-disable-next-line no-control-regex -- those are what is looked for.
    /[\x7f-\x9f]/g,
    (control) => `\\u00${control.charCodeAt(0).toString(16)}`,
  );
}
