/** Every default and fixed limit of the stores, in one table. Times are milliseconds. */

export const DEFAULT_STORE = {
  /** A node's path with the base, in bytes. */
  max_path_bytes: 4_096,
  /** Operations of one transaction. */
  max_operations: 1_000,
  /** Paths told by one `changed`; with more it is `relist`. */
  max_changed_paths: 10_000,

  sqlite: {
    max_value_bytes: 1_048_576,
    max_transaction_bytes: 16_777_216,
    /** A registration outlives its program by at most so long; renewed three times as often. */
    lease_ms: 6_000,
    /** How often it is looked whether other programs have written. */
    poll_ms: 50,
    /** How long a write waits for the writes of others. */
    busy_ms: 5_000,
    /** Changed paths that are kept for programs that have not seen them yet. */
    max_kept_changes: 10_000,
  },

  zookeeper: {
    session_timeout_ms: 10_000,
    /** For name, connection, TLS and the server's first answer, per server. */
    connect_timeout_ms: 2_000,
    /** A request without answer for so long means that the connection is of no use. */
    request_timeout_ms: 15_000,
    /**
     * Pause after all servers have failed, doubled with each further round, by chance up to half as long again. At its longest it is
     * below the 2 s within which everything is to be known after an outage.
     */
    first_retry_ms: 100,
    last_retry_ms: 1_000,
    /** Pause before the next server of the same round. */
    next_server_ms: 10,
    /** The default of a server's jute.maxbuffer: it closes a connection that sends a longer frame. */
    max_frame_bytes: 1_048_575,
    /** What of a frame is for paths and headers when it holds one value. */
    frame_overhead_bytes: 16_384,
    /** A longer answer, such as a list of very many names, closes the connection. */
    max_answer_bytes: 67_108_864,
    /** When a registration could not be made again although there is a connection. */
    register_retry_ms: 2_000,
    max_pending_requests: 10_000,
    max_pending_bytes: 67_108_864,
    /** How often a transaction is planned anew because nodes come and go meanwhile. */
    max_plans: 20,
  },

  large_documents: {
    max_bytes: 33_554_432,
    part_bytes: 524_288,
    /** Parts that are written or read at the same time. */
    parts_at_once: 4,
    /** How often reading starts again because the document was replaced meanwhile. */
    max_reads: 5,
    /** Generations of writers that may still be at it; with more they are taken for dead. */
    max_unfinished: 3,
  },
} as const;
