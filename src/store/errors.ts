/** What a store throws. Nothing in their messages is secret: paths and revisions, never values or credentials. */

/** What a node was expected to be; `present` where no particular revision was asked for. */
export type Expectation = number | "absent" | "present" | "without children" | "a document";

/** A node was not what an operation expected; nothing of the transaction has happened. Read again, then decide anew. */
export class StoreConflict extends Error {
  readonly path: string;
  readonly expected: Expectation;

  constructor(path: string, expected: Expectation) {
    const wanted = typeof expected === "number" ? `revision ${expected}` : expected;
    super(`${path} is not as expected (${wanted}): somebody else has changed it`);
    this.name = "StoreConflict";
    this.path = path;
    this.expected = expected;
  }
}

/** The store cannot be reached, or not now. Worth another try, later. */
export class StoreUnavailable extends Error {
  /** The request may have been carried out all the same: it was on its way when the connection broke. */
  readonly perhaps_done: boolean;

  constructor(reason: string, perhapsDone = false) {
    super(perhapsDone ? `${reason}; the request may have been carried out` : reason);
    this.name = "StoreUnavailable";
    this.perhaps_done = perhapsDone;
  }
}

/** The store, or its limits, do not allow it. The same request would be refused again. */
export class StoreRefused extends Error {
  readonly path: string | null;

  constructor(reason: string, path: string | null = null) {
    super(path === null ? reason : `${path}: ${reason}`);
    this.name = "StoreRefused";
    this.path = path;
  }
}
