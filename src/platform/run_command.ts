/** Commands that are run for what happens: ended at a deadline, with no more than a part of their output kept. */
import { messageOf } from "../core/text/message_of.ts";

export interface CommandOptions {
  /** Program with its absolute path, and arguments; no shell reads them. */
  readonly command: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeout_ms: number;
  /** Output beyond this ends the command by SIGPIPE, if it cares. */
  readonly output_limit_bytes: number;
}

export interface CommandResult {
  /** Null: it has ended with 0. Else what went wrong, in words. */
  readonly problem: string | null;
  /** The first part of both outputs, as they came. */
  readonly output: string;
}

/** Runs a command. Never rejects; resolves soon after the timeout at the latest. `signal` kills it at once. */
export async function runCommand(options: CommandOptions, signal?: AbortSignal): Promise<CommandResult> {
  let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  try {
    child = Bun.spawn([...options.command], {
      env: { ...options.env },
      cwd: "/",
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (error) {
    return { problem: `cannot be run: ${messageOf(error)}`, output: "" };
  }
  let killed: string | null = null;
  const kill = (why: string): void => {
    killed ??= why;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(() => kill(`killed after ${options.timeout_ms} ms`), options.timeout_ms);
  const abort = (): void => kill("killed: the program ends");
  signal?.addEventListener("abort", abort, { once: true });
  // The outputs may be held open by children of the command: only its own end is waited for.
  const outputs = [child.stdout, child.stderr].map(
    (stream) => new LimitedText(stream, options.output_limit_bytes),
  );
  const code = await child.exited;
  clearTimeout(timer);
  signal?.removeEventListener("abort", abort);
  const output = (await Promise.all(outputs.map((text) => text.end()))).join("");
  const end = child.signalCode === null ? `ended with ${code}` : `ended by ${child.signalCode}`;
  return {
    problem: killed ?? (code === 0 ? null : end),
    output: output.slice(0, options.output_limit_bytes),
  };
}

/** Long enough for what was written before the end to arrive. */
const LAST_OUTPUT_MS = 50;

/** What is used of a reader; Bun and the web platform type the rest of it in two ways. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

class LimitedText {
  readonly #reader: Reader;
  readonly #limit: number;
  readonly #decoder = new TextDecoder();
  #text = "";
  readonly #reading: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>, limit: number) {
    this.#reader = stream.getReader();
    this.#limit = limit;
    this.#reading = this.#read().catch(() => undefined);
  }

  async #read(): Promise<void> {
    while (this.#text.length < this.#limit) {
      const { done, value } = await this.#reader.read();
      if (done || value === undefined) return;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
    await this.#reader.cancel();
  }

  async end(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_OUTPUT_MS);
    await Promise.race([this.#reading, promise]);
    clearTimeout(timer);
    void this.#reader.cancel().catch(() => undefined);
    return this.#text;
  }
}
