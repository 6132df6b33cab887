/** What a run of the bench finds: the content of its JSON. */

/** One stretch of time of one peer under load. */
export interface Measurement {
  readonly seconds: number;
  readonly requests: number;
  /** CPU microseconds per request of all processes of the peer. */
  readonly userUs: number;
  readonly systemUs: number;
  readonly requestsPerSecond: number;
  /** Latency as the load sees it, in microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly rssBytes: number;
  /** Share of upstream requests that found a connection. */
  readonly reuse: number;
  /** CPU time of the peer as a share of the stretch: near 1 when the load kept it busy all the time. */
  readonly ownShare: number;
  /** CPU time on the peer's core that was not the peer's, as a share of the stretch. */
  readonly foreignShare: number;
  /** Share of the stretch that the host took from either core. */
  readonly stolenShare: number;
}

export interface CellResult {
  readonly id: string;
  readonly title: string;
  /** Per peer one measurement per round. */
  readonly measurements: Record<string, Measurement[]>;
  /** What was not as it must be. */
  readonly problems: string[];
}

export interface IdleConnections {
  readonly connections: number;
  /** Growth of the resident memory per connection. */
  readonly bytesPerConnection: number;
  readonly rssBytes: number;
}

export interface FootprintResult {
  /** Milliseconds from the start to the first answered request, per round. */
  readonly coldStartMs: number[];
  /** Resident bytes after the start and a few requests: the largest worker and all processes. Per round. */
  readonly workerRssBytes: number[];
  readonly rssBytes: number[];
  readonly idlePlain: IdleConnections[];
  readonly idleTls: IdleConnections[];
}

/** One request and its answer, as bytes that are shown as text. */
export interface Inspection {
  readonly request: string;
  /** What the backend received. */
  readonly received: string;
  readonly answer: string;
  readonly accessLogLine: string;
  /** Version, cipher and key exchange of TLS. */
  readonly tls: string;
}

export interface PeerResult {
  readonly name: string;
  readonly label: string;
  readonly version: string;
  readonly inspection: Inspection | null;
  readonly problems: string[];
}

export interface BenchResult {
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly kernel: string;
    readonly memory: string;
  };
  readonly rounds: number;
  readonly seconds: number;
  readonly load: string;
  readonly peers: PeerResult[];
  readonly missing: { readonly name: string; readonly reason: string }[];
  readonly cells: CellResult[];
  /** Per peer. */
  readonly footprints: Record<string, FootprintResult>;
  readonly problems: string[];
}
