/** Simulated backends: each request gets an answer of the backend's own, or one of the troubles that real ones make. */
import type { ByteConsumer } from "../../src/net/listener.ts";
import { Sender, type Arrival, type Ledger, type SentRequest } from "./ledger.ts";
import {
  bodyOf,
  BodyCheck,
  CHUNKED,
  framed,
  MessageReader,
  MOST_BODY_BYTES,
  type MessageEvents,
} from "./messages.ts";
import type { Endpoint, Network, Port } from "./network.ts";

export interface BackendSettings {
  readonly name: string;
  readonly number: number;
  /** Part of the requests and connections that meet trouble. */
  readonly trouble: number;
}

const TROUBLES = [
  "reset_before",
  "close_before",
  "hang",
  "vanish",
  "reset_within",
  "close_within",
  "stop_within",
  "garbage",
  "stray",
  "busy",
  "early",
] as const;
type Trouble = (typeof TROUBLES)[number];

export class Backend implements Port {
  readonly settings: BackendSettings;
  readonly network: Network;
  readonly ledger: Ledger;
  connections = 0;

  constructor(settings: BackendSettings, network: Network, ledger: Ledger) {
    this.settings = settings;
    this.network = network;
    this.ledger = ledger;
  }

  decide(): ReturnType<Port["decide"]> {
    const { dice } = this.network;
    if (!dice.chance(this.settings.trouble)) return "accept";
    return dice.pick(["refuse", "refuse_at_once", "silent"]);
  }

  accept(end: Endpoint): void {
    this.connections++;
    end.owner = new BackendConnection(this, end);
  }
}

class BackendConnection implements ByteConsumer, MessageEvents {
  readonly #backend: Backend;
  readonly #end: Endpoint;
  readonly #reader = new MessageReader(this);
  readonly #sender: Sender;
  #request: SentRequest | null = null;
  #arrival: Arrival | null = null;
  #check = new BodyCheck(0);
  #trouble: Trouble | "" = "";
  /** An answer is owed or on its way into the socket. */
  #busy = false;
  #closes = false;
  #closeWhenSent = false;
  #served = 0;
  #isAnswered = false;
  #over = false;

  constructor(backend: Backend, end: Endpoint) {
    this.#backend = backend;
    this.#end = end;
    this.#sender = new Sender(end);
  }

  onData(bytes: Uint8Array): void {
    if (!this.#over) this.#reader.push(bytes);
  }

  onDrain(): void {
    this.#sender.go();
    this.#sent();
  }

  onEnd(): void {
    // Nobody sends half a request in order.
    if (this.#reader.isInside && !this.#over)
      this.#backend.ledger.fault(`${this.#name} got FIN inside request ${this.#request?.id}`);
    this.#end.close();
  }

  onClose(): void {
    this.#over = true;
  }

  get #name(): string {
    return this.#backend.settings.name;
  }

  head(startLine: string, fields: ReadonlyMap<string, string>): number {
    const { ledger, settings, network } = this.#backend;
    const { dice } = network;
    const [method, target] = startLine.split(" ");
    const request = ledger.request(target?.slice("/r/".length));
    if (this.#busy) ledger.fault(`${this.#name} got request ${request.id} before its answer was over`);
    if (method !== request.method) ledger.fault(`request ${request.id} came as ${method} to ${this.#name}`);
    this.#request = request;
    this.#busy = true;
    this.#isAnswered = false;
    const arrival: Arrival = {
      backend: settings.name,
      answerKey: (request.id + 1) * 64 + settings.number * 8 + Math.min(7, request.arrivals.length) + 1,
      bodyBytes: 0,
      complete: false,
      isEarly: false,
      answerBytes: -1,
      status: 0,
    };
    request.arrivals.push(arrival);
    this.#arrival = arrival;
    this.#check = new BodyCheck(request.id * 64);
    this.#trouble = !dice.chance(settings.trouble) ? "" : dice.chance(0.2) ? "busy" : dice.pick(TROUBLES);
    if (this.#trouble === "early") this.#later(() => this.#answer());
    if (this.#trouble === "vanish" && dice.chance(0.5)) this.#end.vanish();
    if (fields.get("expect") !== undefined) this.#later(() => this.#interim(100));
    const length = fields.get("content-length");
    return fields.has("transfer-encoding") ? CHUNKED : Number(length ?? 0);
  }

  body(bytes: Uint8Array): void {
    this.#check.take(bytes);
    this.#arrival!.bodyBytes += bytes.length;
    if (!this.#check.isSound)
      this.#backend.ledger.fault(`request ${this.#request!.id} came with another body to ${this.#name}`);
  }

  end(): void {
    const request = this.#request!;
    const arrival = this.#arrival!;
    arrival.complete = true;
    if (arrival.bodyBytes !== request.bodyBytes)
      this.#backend.ledger.fault(
        `request ${request.id} came with ${arrival.bodyBytes} of ${request.bodyBytes} bytes to ${this.#name}`,
      );
    if (this.#trouble !== "early") this.#later(() => this.#act());
    else if (this.#isAnswered) this.#busy = false;
  }

  #later(run: () => void, moreMs = 0): void {
    const { network } = this.#backend;
    network.after(network.delay + moreMs, () => {
      if (!this.#over && !this.#end.closed) run();
    });
  }

  #act(): void {
    const { dice } = this.#backend.network;
    switch (this.#trouble) {
      case "reset_before":
        this.#end.terminate();
        break;
      case "close_before":
        this.#end.close();
        break;
      case "hang":
        break;
      case "vanish":
        this.#end.vanish();
        break;
      case "garbage":
        this.#sender.send(
          Buffer.from(dice.pick(["HTTP/1.1 2x0 OK\r\n\r\n", "\0\0\0\0\r\n\r\n", "SSH-2.0-x\r\n\r\n"])),
        );
        break;
      default:
        if (dice.chance(0.1)) this.#interim(103);
        this.#answer();
    }
  }

  #interim(status: number): void {
    if (this.#busy && this.#arrival!.status === 0)
      this.#sender.send(Buffer.from(`HTTP/1.1 ${status} Wait\r\n\r\n`));
  }

  #answer(): void {
    const { dice } = this.#backend.network;
    const request = this.#request!;
    const arrival = this.#arrival!;
    arrival.isEarly = !arrival.complete;
    const cutsShort = this.#trouble.endsWith("_within");
    arrival.status = this.#trouble === "busy" ? 503 : dice.chance(0.05) ? 204 : dice.chance(0.05) ? 304 : 200;
    const bodyless = request.method === "HEAD" || arrival.status === 204 || arrival.status === 304;
    const length = bodyless ? 0 : drawLength(dice);
    // A body that the end of the connection ends cannot be told from one that is cut by FIN.
    const framing = bodyless
      ? "none"
      : dice.pick(cutsShort ? ["length", "chunked"] : ["length", "chunked", "close"]);
    this.#closes = framing === "close" || dice.chance(0.1);
    arrival.answerBytes = length;
    const head = [
      `HTTP/1.1 ${arrival.status} Answer`,
      `X-Id: ${request.id}`,
      `X-Backend: ${arrival.backend}`,
      `X-Key: ${arrival.answerKey}`,
      `X-Length: ${length}`,
    ];
    if (framing === "length") head.push(`Content-Length: ${length}`);
    if (framing === "chunked") head.push("Transfer-Encoding: chunked");
    // Without it the next request may be on its way already.
    if (this.#closes && (this.#backend.settings.trouble === 0 || dice.chance(0.8)))
      head.push("Connection: close");
    const body = framed(bodyOf(arrival.answerKey, length), framing === "chunked", () =>
      dice.between(1, 9_000),
    );
    const bytes = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
    if (cutsShort) {
      // At least the end is missing.
      this.#sender.send(bytes.subarray(0, dice.between(1, bytes.length - 1)));
      if (this.#trouble === "reset_within") this.#later(() => this.#end.terminate());
      else if (this.#trouble === "close_within") this.#closeWhenSent = true;
      this.#sent();
      return;
    }
    if (this.#trouble === "stray" && framing !== "close")
      this.#sendParts(Buffer.concat([bytes, Buffer.from("stray\r\n\r\n")]));
    else this.#sendParts(bytes);
  }

  /** At once, or with time between. */
  #sendParts(bytes: Buffer): void {
    const { dice } = this.#backend.network;
    // What nobody asked for comes with the answer: behind it the next request may be here already.
    const atOnce = dice.chance(0.7) || this.#trouble === "stray";
    const part = atOnce ? bytes.length : dice.between(1, bytes.length);
    this.#sender.send(bytes.subarray(0, part));
    if (part < bytes.length) {
      this.#later(() => this.#sendParts(bytes.subarray(part)), dice.below(40));
      return;
    }
    this.#closeWhenSent = this.#closes;
    this.#answered();
    this.#sent();
  }

  #answered(): void {
    const { network, settings } = this.#backend;
    this.#isAnswered = true;
    if (this.#arrival!.complete) this.#busy = false;
    const served = ++this.#served;
    if (!network.dice.chance(2 * settings.trouble)) return;
    // Perhaps the next request is on its way then.
    const cut = network.dice.chance(0.5);
    this.#later(
      () => {
        if (this.#served !== served || this.#busy || !this.#sender.isEmpty) return;
        if (cut) this.#end.terminate();
        else this.#end.close();
      },
      network.dice.pick([0, network.dice.below(60)]),
    );
  }

  #sent(): void {
    if (this.#closeWhenSent && this.#sender.isEmpty && !this.#over) this.#end.close();
  }
}

function drawLength(dice: { below(limit: number): number; chance(part: number): boolean }): number {
  if (dice.chance(0.1)) return 0;
  return dice.chance(0.15) ? dice.below(MOST_BODY_BYTES) : dice.below(2_000);
}
