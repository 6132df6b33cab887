/** What really happened to each request, as the two programs at the ends saw it. */

/** A request as it came to a backend. */
export interface Arrival {
  readonly backend: string;
  readonly answerKey: number;
  bodyBytes: number;
  complete: boolean;
  /** The answer began before the request was complete. */
  isEarly: boolean;
  /** Bytes of the answer's body, -1 = it began none that a client may take as a whole. */
  answerBytes: number;
  status: number;
}

/** `unsent`, then `sent`; at the end what the client got: a whole answer, a part of one, or nothing. */
export type Outcome = "unsent" | "sent" | "answered" | "cut" | "lost";

export interface SentRequest {
  readonly id: number;
  readonly method: string;
  readonly bodyBytes: number;
  readonly chunked: boolean;
  readonly expects: boolean;
  readonly client: string;
  /** The client itself ended it, or something that it was behind. */
  clientFault: boolean;
  /** Behind an answer after which the connection ends: nobody has to look at it. */
  behindClose: boolean;
  outcome: Outcome;
  status: number;
  /** Backend that the answer names, "" = an answer of Fairlead's own. */
  answeredBy: string;
  readonly arrivals: Arrival[];
}

/** A line of the access log. */
export interface LogLine {
  readonly id: number;
  readonly status: number;
  readonly reason: string;
  readonly backend: string;
  readonly retries: number;
}

export class Ledger {
  readonly requests: SentRequest[] = [];
  readonly lines: LogLine[] = [];
  readonly faults: string[] = [];
  connections = 0;

  fault(text: string): void {
    this.faults.push(text);
  }

  /** Throws for a number that no client has used. */
  request(id: string | undefined): SentRequest {
    const found = this.requests[Number(id)];
    if (found === undefined) throw new Error(`nobody has sent a request ${id}`);
    return found;
  }
}

/** Sends bytes as the socket takes them. */
export class Sender {
  #waiting: Buffer = Buffer.alloc(0);
  readonly #socket: { write(bytes: Uint8Array): number };

  constructor(socket: { write(bytes: Uint8Array): number }) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  send(bytes: Uint8Array): void {
    this.#waiting = this.isEmpty ? Buffer.from(bytes) : Buffer.concat([this.#waiting, bytes]);
    this.go();
  }

  go(): void {
    if (this.isEmpty) return;
    const taken = this.#socket.write(this.#waiting);
    this.#waiting = taken < 0 ? Buffer.alloc(0) : this.#waiting.subarray(taken);
  }
}
