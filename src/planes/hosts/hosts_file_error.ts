/** Why the hosts file cannot be read or written, as one sentence. */
export class HostsFileError extends Error {
  /** Stays the same while the cause does, so that it is told once. */
  readonly cause_key: string;

  constructor(message: string, causeKey: string, cause?: unknown) {
    super(message, { cause });
    this.name = "HostsFileError";
    this.cause_key = causeKey;
  }
}
