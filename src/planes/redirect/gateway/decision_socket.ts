/**
 * Decisions over one WebSocket: each text message is a flat JSON object of parameters, each answer one JSON text, in order. While
 * the client does not take answers, nothing more of it is read.
 */
import type { Exchange, Upstream } from "../../../net/exchange.ts";
import {
  CLOSE_CODES,
  FrameReader,
  PONG,
  TEXT,
  type WebSocketEvent,
} from "../../../net/websocket/frame_reader.ts";
import { closeFrame, frame, textFrame } from "../../../net/websocket/frame_writer.ts";

/** Answers that leave together, about. */
const BATCH_BYTES = 64 * 1_024;
/** Decisions in a row before others have their turn. */
const MESSAGES_PER_TURN = 100;
/** A client that has been told that the connection ends must end it within this time. */
const CLOSE_WAIT_MS = 5_000;

export interface DecisionSocketHost {
  /** Bytes of the longest message. */
  readonly maxMessageBytes: number;
  /** The answer to a message, as JSON. */
  answer(exchange: Exchange, message: string): string;
  /** Runs `run` after what else waits to be done now. */
  later(run: () => void): void;
  /** Runs `run` once in `ms`, unless the function that it gives is called before. */
  after(ms: number, run: () => void): () => void;
  /** It is over; called once. */
  closed(socket: DecisionSocket): void;
}

export class DecisionSocket implements Upstream {
  readonly #exchange: Exchange;
  readonly #host: DecisionSocketHost;
  readonly #reader: FrameReader;
  /** `open`; `closing`: our close has left; `over`: nothing is written any more. */
  #phase: "open" | "closing" | "over" = "open";
  /** The client does not take what is written. */
  #isFull = false;
  /** The next turn has been asked for. */
  #isDue = false;
  /** Close with this code once all messages are answered; 0 = go on. */
  #endsWith = 0;
  #output: Uint8Array[] = [];
  #outputBytes = 0;
  #endWait: (() => void) | null = null;
  #isGone = false;

  constructor(exchange: Exchange, host: DecisionSocketHost) {
    this.#exchange = exchange;
    this.#host = host;
    this.#reader = new FrameReader(host.maxMessageBytes);
  }

  /** Answers what has come and then ends the connection. */
  drain(): void {
    this.#endsWith = CLOSE_CODES.going_away;
    this.#waitForEnd();
    this.#run();
  }

  // The client's side.

  writeBody(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#phase === "over") return true;
    this.#reader.push(bytes.subarray(from, to));
    return this.#run();
  }

  /** The client sends no more. */
  writeEnd(): void {
    this.#over();
  }

  flush(): void {}

  abort(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#phase = "over";
    this.#endWait?.();
    this.#host.closed(this);
  }

  pauseResponse(): void {}

  resumeResponse(): void {
    this.#isFull = false;
    this.#resume();
  }

  #resume(): void {
    if (this.#run() && !this.#isGone) this.#exchange.down.resumeRequest(this.#exchange);
  }

  // Messages.

  /** Answers messages. Returns false when the client should wait with more. */
  #run(): boolean {
    if (this.#isFull || this.#isDue) return false;
    for (let count = 0; this.#phase !== "over" && !this.#isFull; count++) {
      if (count === MESSAGES_PER_TURN) {
        this.#runLater();
        break;
      }
      const event = this.#reader.next();
      if (event === null) break;
      this.#take(event);
    }
    if (this.#endsWith !== 0 && !this.#isDue && !this.#isFull) this.#close(this.#endsWith);
    this.#send();
    return !this.#isFull && !this.#isDue;
  }

  #runLater(): void {
    this.#isDue = true;
    this.#host.later(() => {
      this.#isDue = false;
      if (!this.#isGone) this.#resume();
    });
  }

  #take(event: WebSocketEvent): void {
    switch (event.kind) {
      case "text":
        if (this.#phase === "open")
          this.#write(textFrame(TEXT, this.#host.answer(this.#exchange, event.text)));
        break;
      case "binary":
        this.#close(CLOSE_CODES.unsupported_data, "expected texts");
        break;
      case "ping":
        if (this.#phase === "open") this.#write(frame(PONG, event.bytes));
        break;
      case "pong":
        break;
      case "close":
        this.#close(event.code);
        this.#over();
        break;
      case "bad":
        this.#close(event.code, event.reason);
        this.#over();
        break;
      default:
        event satisfies never;
    }
  }

  #close(code: number, reason = ""): void {
    if (this.#phase !== "open") return;
    this.#write(closeFrame(code, reason));
    this.#phase = "closing";
    this.#waitForEnd();
  }

  /** Ends our direction behind what has been written. */
  #over(): void {
    if (this.#phase === "over") return;
    this.#send();
    this.#phase = "over";
    this.#waitForEnd();
    // Not at once: who calls is in the middle of the connection's own work.
    queueMicrotask(() => {
      if (!this.#isGone) this.#exchange.down.endTunnelOutput(this.#exchange);
    });
  }

  #waitForEnd(): void {
    this.#endWait ??= this.#host.after(CLOSE_WAIT_MS, () => {
      if (!this.#isGone) this.#exchange.down.cut(this.#exchange);
    });
  }

  #write(bytes: Uint8Array): void {
    this.#output.push(bytes);
    this.#outputBytes += bytes.length;
    if (this.#outputBytes >= BATCH_BYTES) this.#send();
  }

  #send(): void {
    if (this.#outputBytes === 0 || this.#isGone) return;
    const bytes = this.#output.length === 1 ? this.#output[0]! : Buffer.concat(this.#output);
    this.#output = [];
    this.#outputBytes = 0;
    const { down } = this.#exchange;
    if (!down.writeBody(this.#exchange, bytes, 0, bytes.length)) this.#isFull = true;
  }
}
