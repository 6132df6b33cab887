/** What the test and the processes of its clients and backends say to each other by IPC. */

/** What a request ended with, the answer that was wanted excepted. */
export type Failing =
  "refused" | "unreachable" | "reset" | "closed" | "short" | "wrong" | "timeout" | `status ${number}`;

export interface Failure {
  /** Monotonic time of the machine in milliseconds. */
  readonly at: number;
  readonly how: Failing;
  readonly method: "GET" | "POST";
  /** The request was the first one of its connection. */
  readonly fresh: boolean;
  readonly tls: boolean;
  readonly listener: string;
  /** How far it had come. */
  readonly phase: "connecting" | "sent" | "answer";
  readonly afterMs: number;
}

/** A tunnel or an event stream that was open throughout has ended. */
export interface StreamEnd {
  readonly at: number;
  readonly kind: "websocket" | "events";
  readonly openedAt: number;
  /** `refused`, a status, `cut`, or what was wrong with its bytes. */
  readonly how: string;
}

export interface Target {
  readonly listener: string;
  readonly port: number;
  readonly tls: boolean;
}

export type ToClient =
  | {
      readonly type: "start";
      readonly ratePerSecond: number;
      readonly plain: Target;
      readonly secure: Target;
    }
  /** Further requests, all on new connections, until `leave`. */
  | { readonly type: "visit"; readonly target: Target; readonly ratePerSecond: number }
  /** The listener goes: refusals count apart from now on. Ends the visit after `forMs`. */
  | { readonly type: "leave"; readonly forMs: number }
  /** No further requests; answered by `report` when all have ended. */
  | { readonly type: "stop" };

export interface Report {
  readonly type: "report";
  /** Requests that were begun, and those that were due but not begun because too many were under way. */
  readonly begun: number;
  readonly skipped: number;
  readonly lastedMs: number;
  /** Answers in order, by method and class of status: `GET 2xx`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: number;
  /** Refused by a listener after it had gone. */
  readonly refusedLater: number;
  readonly onNewConnections: number;
  readonly overTls: number;
  readonly connections: number;
  readonly handshakes: number;
  /** Milliseconds at the shares 0.5, 0.99 and 1 of all answers. */
  readonly latencies: readonly number[];
  readonly streams: { readonly websockets: number; readonly events: number };
}

export type FromClient =
  | { readonly type: "failure"; readonly failure: Failure }
  | { readonly type: "stream_end"; readonly end: StreamEnd }
  | { readonly type: "visit_over" }
  | Report;

/** What a backend has seen. */
export interface BackendCounts {
  readonly gets: number;
  readonly posts: number;
  readonly wrongBodies: number;
}

export type FromBackend =
  { readonly type: "listening"; readonly port: number } | ({ readonly type: "counts" } & BackendCounts);
