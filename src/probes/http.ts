import { z } from "zod";
import { fieldName, method } from "../core/schema/field.ts";
import { isFieldValue } from "../net/head.ts";
import {
  openConnection,
  type ConnectionHandlers,
  type ConnectionSettings,
  type ProbeConnection,
} from "./connection.ts";
import type { Check, Probe, ProbeResult } from "./contract.ts";
import { AnswerReader, type Progress } from "./http_answer.ts";
import { inStatusSet, statusSet, statusSetText } from "./status_set.ts";
import {
  ANSWER_LIMIT_BYTES,
  encodingLabel,
  matcherOf,
  wantedRegex,
  wantedText,
  type Matcher,
} from "./text_match.ts";
import { connectionSettings, hostOf, tlsOption } from "./tls_options.ts";
import type { SocketAddress } from "../platform/socket_address.ts";

const TARGET = "expected a target such as /healthz: it starts with / and holds no white space and no #";
/** Fields that a probe sets itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
]);

const headers = z
  .record(
    fieldName(),
    z
      .string({ error: "expected text" })
      .refine(isFieldValue, { error: "expected a field value: no line break, nothing beyond latin1" })
      .meta({ secret: true, type_name: "secret" }),
  )
  .superRefine((fields, context) => {
    for (const name of Object.keys(fields))
      if (OWN_FIELDS.has(name.toLowerCase()))
        context.addIssue({ code: "custom", message: `${name} is set by the probe itself`, path: [name] });
  })
  .prefault({});

const schema = z.strictObject({
  method: method().prefault("GET").meta({ description: "Method of the request." }),
  path: z
    .string({ error: TARGET })
    .regex(/^\/[!"$-~]*$/, { error: TARGET })
    .max(2_048, { error: "expected at most 2048 characters" })
    .prefault("/")
    .meta({ description: "Target of the request: path and query." }),
  host: z
    .string()
    .regex(/^[!-~]+$/, { error: "expected a host with an optional port" })
    .optional()
    .meta({
      description: "Host field; default: the pool's `host_header` where it is a name, else the backend's.",
    }),
  headers: headers.meta({ description: "Further fields of the request." }),
  expect_status: statusSet()
    .prefault("200-299")
    .meta({ description: "Statuses that mean healthy: `200-299,301`." }),
  expect_body: wantedText().optional().meta({
    description: "Text that must stand in the first 64 KiB of the body.",
  }),
  expect_body_regex: wantedRegex().optional().meta({
    description: "Regex (Go's syntax) that must match in the first 8192 characters of the body.",
  }),
  expect_body_encoding: encodingLabel().prefault("utf-8").meta({
    description: "Character encoding of the body; what cannot be decoded becomes U+FFFD.",
  }),
  follow_redirects: z
    .int({ error: "expected 0 to 10" })
    .min(0, { error: "expected 0 to 10" })
    .max(10, { error: "expected 0 to 10" })
    .prefault(0)
    .meta({ description: "Redirects to follow at most; only those that stay on the same backend." }),
  tls: tlsOption().optional().meta({
    description: "`true`, `false` or settings of its own; default: as traffic reaches the backend.",
  }),
});
type HttpOptions = z.output<typeof schema>;

/** Everything about a probe of one backend that does not change from run to run. */
interface Prepared {
  readonly options: HttpOptions;
  readonly settings: ConnectionSettings;
  readonly origin: string;
  readonly matcher: Matcher | null;
  /** For the path of the options. */
  readonly request: Uint8Array;
}

/** One run: a request, or several where redirects are followed. */
class HttpRun implements ConnectionHandlers {
  readonly #prepared: Prepared;
  readonly #address: SocketAddress;
  readonly #done: (result: ProbeResult) => void;
  #method: string;
  #target: string;
  #redirects = 0;
  #reader: AnswerReader;
  #connection: ProbeConnection | null = null;

  constructor(prepared: Prepared, address: SocketAddress, done: (result: ProbeResult) => void) {
    this.#prepared = prepared;
    this.#address = address;
    this.#done = done;
    this.#method = prepared.options.method;
    this.#target = prepared.options.path;
    this.#reader = this.#newReader();
    this.#connect();
  }

  stop(): void {
    this.#connection?.cut();
  }

  #newReader(): AnswerReader {
    const { matcher } = this.#prepared;
    return new AnswerReader(this.#method === "HEAD", matcher === null ? 0 : ANSWER_LIMIT_BYTES);
  }

  #connect(): void {
    this.#connection = openConnection(this.#address, this.#prepared.settings, this);
  }

  connected(connection: ProbeConnection): void {
    const { options, origin, request } = this.#prepared;
    const isFirst = this.#redirects === 0;
    connection.write(
      isFirst ? request : requestOf({ ...options, method: this.#method }, origin, this.#target),
    );
  }

  data(bytes: Uint8Array): void {
    this.#progress(this.#reader.read(bytes));
  }

  ended(): void {
    this.#progress(this.#reader.end());
  }

  failed(reason: string): void {
    this.#done({ healthy: false, reason });
  }

  #progress(progress: Progress): void {
    if (progress === "more") return;
    if (progress !== "complete") return this.#end({ healthy: false, reason: progress.problem });
    const { status, location } = this.#reader;
    const { options, matcher } = this.#prepared;
    if (!inStatusSet(options.expect_status, status)) {
      if (isRedirect(status) && location !== null && options.follow_redirects > 0)
        return this.#follow(location);
      const reason = `status ${status}, expected ${statusSetText(options.expect_status)}`;
      return this.#end({ healthy: false, reason });
    }
    const missing = matcher?.(this.#reader.body) ?? null;
    this.#end({ healthy: missing === null, reason: missing ?? `status ${status}` });
  }

  #follow(location: string): void {
    const { options, origin } = this.#prepared;
    if (++this.#redirects > options.follow_redirects)
      return this.#end({ healthy: false, reason: `more than ${options.follow_redirects} redirects` });
    const target = URL.parse(location, origin + this.#target);
    if (target === null || target.origin !== URL.parse(origin)?.origin)
      return this.#end({ healthy: false, reason: `redirected to ${location}, which is not this backend` });
    this.#connection?.close();
    this.#method = methodBehind(this.#reader.status, this.#method);
    this.#target = target.pathname + target.search;
    this.#reader = this.#newReader();
    this.#connect();
  }

  #end(result: ProbeResult): void {
    if (result.healthy) this.#connection?.close();
    else this.#connection?.cut();
    this.#done(result);
  }
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** The method that goes on (RFC 9110 15.4): what was posted is not posted again unless the answer wants that. */
function methodBehind(status: number, method: string): string {
  if (status === 303) return method === "HEAD" ? method : "GET";
  return status <= 302 && method === "POST" ? "GET" : method;
}

function requestOf(options: HttpOptions, origin: string, target: string): Uint8Array {
  const given = new Set(Object.keys(options.headers).map((name) => name.toLowerCase()));
  const ours: [string, string][] = [
    ["User-Agent", "fairlead-health-check"],
    ["Accept", "*/*"],
  ];
  const fields = [
    ["Host", options.host ?? origin.slice(origin.indexOf("//") + 2)],
    ["Connection", "close"],
    ...ours.filter(([name]) => !given.has(name.toLowerCase())),
    ...Object.entries(options.headers),
  ];
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = /^(?:POST|PUT|PATCH)$/.test(options.method) ? "Content-Length: 0\r\n" : "";
  return Buffer.from(`${options.method} ${target} HTTP/1.1\r\n${lines}${length}\r\n`, "latin1");
}

/** A request, and an answer with an expected status and body. */
export const http: Probe<HttpOptions> = {
  name: "http",
  summary: "Sends an HTTP/1.1 request and looks at the status, and at the body where `expect_body` says so.",
  schema,
  create(options, target): Check {
    const settings = connectionSettings(options.tls, target);
    const secure = settings.tls !== null;
    const origin = `${secure ? "https" : "http"}://${options.host ?? hostOf(target, secure)}`;
    const prepared: Prepared = {
      options,
      settings,
      origin,
      request: requestOf(options, origin, options.path),
      matcher: matcherOf(
        "body",
        options.expect_body,
        options.expect_body_regex,
        options.expect_body_encoding,
      ),
    };
    return {
      start(address, done) {
        const run = new HttpRun(prepared, address, done);
        return () => run.stop();
      },
    };
  },
};
