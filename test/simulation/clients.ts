/** Simulated clients: each sends its requests over one connection, some of them one behind the other, and takes notes. */
import type { ByteConsumer } from "../../src/net/listener.ts";
import { Sender, type Ledger, type SentRequest } from "./ledger.ts";
import {
  bodyOf,
  BodyCheck,
  CHUNKED,
  framed,
  MessageReader,
  UNTIL_CLOSE,
  type MessageEvents,
} from "./messages.ts";
import type { Dice, Endpoint, Network } from "./network.ts";

const FAULTS = ["reset", "vanish", "stuck", "close", "half_request"] as const;
type ClientFault = (typeof FAULTS)[number];

export class Client implements ByteConsumer, MessageEvents {
  readonly #network: Network;
  readonly #ledger: Ledger;
  readonly #end: Endpoint;
  readonly #sender: Sender;
  readonly #reader = new MessageReader(this);
  readonly #todo: SentRequest[];
  /** Sent and not answered, in order. */
  readonly #owed: SentRequest[] = [];
  readonly #depth: number;
  readonly #halfCloses: boolean;
  #fault: ClientFault | "" = "";
  #answer: SentRequest | null = null;
  /** After an answer that came before its request was complete the connection may end, whatever it has said. */
  #mayEnd = false;
  #check: BodyCheck | null = null;
  #answerBytes = 0;
  #closing = false;
  #over = false;
  #sending = false;
  /** Rest of a request whose client waits for 100. */
  #held: Buffer | null = null;

  constructor(network: Network, ledger: Ledger, end: Endpoint, requests: SentRequest[], trouble: number) {
    const { dice } = network;
    this.#network = network;
    this.#ledger = ledger;
    this.#end = end;
    this.#sender = new Sender(end);
    this.#todo = requests.slice();
    this.#depth = dice.chance(0.5) ? 1 : dice.between(2, 6);
    this.#halfCloses = dice.chance(0.2);
    network.after(network.delay, () => this.#go());
    if (!dice.chance(trouble)) return;
    const fault = dice.pick(FAULTS);
    network.after(dice.below(600), () => this.#break(fault));
  }

  get isOver(): boolean {
    return this.#over || this.#fault === "vanish" || this.#fault === "stuck";
  }

  #break(fault: ClientFault): void {
    if (this.#over) return;
    this.#fault = fault;
    for (const request of [...this.#owed, ...this.#todo]) request.clientFault = true;
    if (this.#answer !== null) this.#answer.clientFault = true;
    this.#todo.length = 0;
    if (fault === "reset") this.#end.terminate();
    else if (fault === "close") this.#end.close();
    else if (fault === "vanish") this.#end.vanish();
    else if (fault === "stuck") this.#end.pause();
    else this.#end.shutdown();
    if (fault !== "half_request") this.#giveUp();
  }

  /** Sends as many as may be on their way at once. */
  #go(): void {
    while (
      !this.#over &&
      !this.#closing &&
      !this.#sending &&
      this.#fault === "" &&
      this.#todo.length > 0 &&
      this.#owed.length < this.#depth
    )
      this.#send(this.#todo.shift()!);
    if (this.#over || this.#fault !== "" || this.#todo.length > 0 || this.#sending || !this.#sender.isEmpty)
      return;
    if (this.#owed.length === 0 && !this.#reader.isInside) this.#end.close();
    else if (this.#halfCloses && this.#held === null) this.#end.shutdown();
  }

  #send(request: SentRequest): void {
    const { dice } = this.#network;
    request.outcome = "sent";
    this.#owed.push(request);
    const lines = [`${request.method} /r/${request.id} HTTP/1.1`, "Host: sim.test"];
    if (request.chunked) lines.push("Transfer-Encoding: chunked");
    else if (request.bodyBytes > 0) lines.push(`Content-Length: ${request.bodyBytes}`);
    if (request.expects) lines.push("Expect: 100-continue");
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
    const body = bodyOf(request.id * 64, request.bodyBytes);
    const rest =
      request.bodyBytes > 0 || request.chunked
        ? framed(body, request.chunked, () => dice.between(1, 9_000))
        : body;
    if (!request.expects) {
      this.#sendParts(Buffer.concat([head, rest]));
      return;
    }
    this.#sending = true;
    this.#held = rest;
    this.#sender.send(head);
    // RFC 9110 10.1.1: not for ever.
    this.#network.after(400, () => this.#release(request));
  }

  #release(request: SentRequest): void {
    const rest = this.#held;
    if (rest === null || this.#over || this.#fault !== "" || this.#owed.at(-1) !== request) return;
    this.#held = null;
    this.#sendParts(rest);
  }

  /** At once, or with time between. */
  #sendParts(bytes: Buffer): void {
    const { dice } = this.#network;
    if (this.#over || this.#fault !== "") return;
    const part = dice.chance(0.7) ? bytes.length : dice.between(1, bytes.length);
    this.#sender.send(bytes.subarray(0, part));
    this.#sending = part < bytes.length;
    if (this.#sending)
      this.#network.after(this.#network.delay + dice.below(30), () => {
        this.#sendParts(bytes.subarray(part));
        this.#go();
      });
  }

  onData(bytes: Uint8Array): void {
    // Who reads no more may still be given what has come when the connection breaks.
    if (this.#over || this.#fault === "stuck") return;
    if (this.#owed.length === 0 && this.#answer === null && this.#fault === "")
      this.#ledger.fault(`a client got ${bytes.length} bytes that it had not asked for`);
    else this.#reader.push(bytes);
  }

  onDrain(): void {
    this.#sender.go();
    this.#go();
  }

  onEnd(): void {
    if (this.#reader.isUntilClose) {
      this.end();
      this.#reader.stop();
    }
    this.#giveUp();
    this.#over = true;
    this.#end.close();
  }

  onClose(): void {
    if (this.#over) return;
    this.#over = true;
    this.#giveUp();
  }

  #giveUp(): void {
    // Of those that were on their way only the first has begun.
    for (const request of this.#answer === null && !this.#mayEnd ? this.#owed.slice(1) : this.#owed)
      request.behindClose = true;
    if (this.#answer !== null) this.#answer.outcome = "cut";
    this.#answer = null;
    for (const request of this.#owed) request.outcome = "lost";
    this.#owed.length = 0;
    for (const request of this.#todo) request.behindClose = true;
    this.#todo.length = 0;
  }

  head(startLine: string, fields: ReadonlyMap<string, string>): number | null {
    const status = Number(startLine.split(" ")[1]);
    const request = this.#owed[0];
    if (request === undefined) {
      this.#ledger.fault(`a client got an answer ${status} that it had not asked for`);
      return null;
    }
    if (status < 200) {
      if (status === 100) this.#release(request);
      return 0;
    }
    this.#owed.shift();
    this.#answer = request;
    request.status = status;
    this.#readOrigin(request, fields);
    if (fields.get("connection") === "close") {
      this.#closing = true;
      for (const other of [...this.#owed, ...this.#todo]) other.behindClose = true;
      this.#todo.length = 0;
    }
    // The rest of its body is not sent any more.
    if (this.#held !== null && this.#owed.length === 0) this.#held = null;
    if (request.method === "HEAD" || status === 204 || status === 304) return 0;
    if (fields.has("transfer-encoding")) return CHUNKED;
    const length = fields.get("content-length");
    return length === undefined ? UNTIL_CLOSE : Number(length);
  }

  #readOrigin(request: SentRequest, fields: ReadonlyMap<string, string>): void {
    const { id } = request;
    this.#check = null;
    this.#answerBytes = -1;
    request.answeredBy = fields.get("x-backend") ?? "";
    if (request.answeredBy === "") return;
    const key = Number(fields.get("x-key"));
    if (fields.get("x-id") !== String(id))
      this.#ledger.fault(`request ${id} got the answer to request ${fields.get("x-id")}`);
    const arrival = request.arrivals.find(({ answerKey }) => answerKey === key);
    if (arrival === undefined || arrival.status !== request.status)
      this.#ledger.fault(`request ${id} got an answer that no backend has given to it`);
    this.#check = new BodyCheck(key);
    this.#answerBytes = Number(fields.get("x-length"));
  }

  body(bytes: Uint8Array): void {
    if (this.#check === null || this.#answer === null) return;
    this.#check.take(bytes);
    if (!this.#check.isSound) this.#ledger.fault(`request ${this.#answer.id} got another body than its own`);
  }

  end(): void {
    const request = this.#answer;
    // What comes before the final answer.
    if (request === null) return;
    this.#answer = null;
    request.outcome = "answered";
    this.#mayEnd = request.arrivals.some(({ isEarly }) => isEarly);
    if (this.#check !== null && this.#check.received !== this.#answerBytes)
      this.#ledger.fault(
        `request ${request.id} got ${this.#check.received} of ${this.#answerBytes} bytes as a whole`,
      );
    this.#network.after(this.#network.dice.chance(0.7) ? 0 : this.#network.dice.below(200), () => this.#go());
  }
}

const METHODS = ["GET", "GET", "GET", "HEAD", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS"] as const;

export function drawRequest(dice: Dice, id: number, client: string): SentRequest {
  const method = dice.pick(METHODS);
  const hasBody = method === "POST" || method === "PUT" || dice.chance(0.05);
  const bodyBytes =
    !hasBody || dice.chance(0.5) ? 0 : dice.chance(0.15) ? dice.below(100_000) : dice.below(3_000);
  return {
    id,
    method,
    bodyBytes,
    chunked: hasBody && dice.chance(0.4),
    expects: bodyBytes > 0 && dice.chance(0.1),
    client,
    clientFault: false,
    behindClose: false,
    outcome: "unsent",
    status: 0,
    answeredBy: "",
    arrivals: [],
  };
}
