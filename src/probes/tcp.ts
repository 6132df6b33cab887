import { z } from "zod";
import { openConnection, type ConnectionHandlers, type ProbeConnection } from "./connection.ts";
import type { Check, Probe, ProbeResult } from "./contract.ts";
import { ANSWER_LIMIT_BYTES, matcherOf, wantedRegex, wantedText, type Matcher } from "./text_match.ts";
import { connectionSettings, tlsOption } from "./tls_options.ts";

const schema = z.strictObject({
  send: z
    .string()
    .min(1, { error: "expected text" })
    .max(4_096, { error: "expected at most 4096 characters" })
    .optional()
    .meta({ description: "Text to send once the connection stands, UTF-8." }),
  expect: wantedText().optional().meta({ description: "Text that the answer must contain." }),
  expect_regex: wantedRegex().optional().meta({
    description: "Regex (Go's syntax) that must match in the first 8192 characters of the answer.",
  }),
  tls: tlsOption().optional().meta({
    description: "`true`, `false` or settings of its own; default: as traffic reaches the backend.",
  }),
});
/** An answer in more parts than this is looked at again only when it has ended or is as long as it may be. */
const MAX_LOOKS = 100;

const NO_ANSWER = Buffer.alloc(0);

type TcpOptions = z.output<typeof schema>;

/** One run. An answer is looked at after every part, because nothing but its content says where it ends. */
class TcpRun implements ConnectionHandlers {
  readonly #options: TcpOptions;
  readonly #matcher: Matcher | null;
  readonly #done: (result: ProbeResult) => void;
  /** Null until something has come that is looked at. */
  #answer: Buffer | null = null;
  #length = 0;
  #looks = 0;
  #connection: ProbeConnection | null = null;

  constructor(options: TcpOptions, matcher: Matcher | null, done: (result: ProbeResult) => void) {
    this.#options = options;
    this.#matcher = matcher;
    this.#done = done;
  }

  connected(connection: ProbeConnection): void {
    this.#connection = connection;
    if (this.#options.send !== undefined) connection.write(Buffer.from(this.#options.send));
    if (this.#matcher === null) this.#end({ healthy: true, reason: "connected" });
  }

  data(bytes: Uint8Array): void {
    if (this.#matcher === null) return;
    const answer = (this.#answer ??= Buffer.allocUnsafeSlow(ANSWER_LIMIT_BYTES));
    const room = answer.length - this.#length;
    answer.set(bytes.length > room ? bytes.subarray(0, room) : bytes, this.#length);
    this.#length += Math.min(bytes.length, room);
    const full = this.#length === answer.length;
    if (!full && ++this.#looks > MAX_LOOKS) return;
    const missing = this.#matcher(answer.subarray(0, this.#length));
    if (missing === null) this.#end({ healthy: true, reason: "the answer is as expected" });
    else if (full) this.#end({ healthy: false, reason: missing });
  }

  ended(): void {
    if (this.#matcher === null) return this.failed("the connection was closed");
    const missing = this.#matcher(this.#answer?.subarray(0, this.#length) ?? NO_ANSWER);
    if (missing === null) this.#end({ healthy: true, reason: "the answer is as expected" });
    else this.#end({ healthy: false, reason: `${missing}, and the connection was closed` });
  }

  failed(reason: string): void {
    this.#done({ healthy: false, reason });
  }

  #end(result: ProbeResult): void {
    if (result.healthy) this.#connection?.close();
    else this.#connection?.cut();
    this.#done(result);
  }
}

/** A connection, and a line each way where the options say so. */
export const tcp: Probe<TcpOptions> = {
  name: "tcp",
  summary: "Connects, and sends a text and waits for an answer where `send` and `expect` say so.",
  schema,
  create(options, target): Check {
    const settings = connectionSettings(options.tls, target);
    const matcher = matcherOf("answer", options.expect, options.expect_regex);
    return {
      start(address, done) {
        const connection = openConnection(address, settings, new TcpRun(options, matcher, done));
        return () => connection.cut();
      },
    };
  },
};
