/** A part of the program that answers requests below paths of its own on the addresses for operators, in a way of its own. */

export interface MountedHead {
  readonly method: string;
  /** As it came, without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Host and port as the client named them, "" for none. */
  readonly authority: string;
  readonly accept: string | null;
  readonly content_type: string | null;
  /** All fields `Authorization`, and all fields `Cookie`. */
  readonly authorization: readonly string[];
  readonly cookies: readonly string[];
  /** The admin address wants a token, and this request has it. */
  readonly is_operator: boolean;
  /** "" for a unix socket. */
  readonly client_address: string;
}

export interface MountedAnswer {
  readonly status: number;
  /** "" without a body. */
  readonly type: string;
  readonly body: string | Uint8Array;
  /** Lines of the head, each with its end. */
  readonly fields?: string | undefined;
}

/** What becomes of a request whose head is there: an answer at once, or its body is read first. */
export type Admission =
  | { readonly answer: MountedAnswer }
  | {
      /** A longer body is refused. */
      readonly max_bytes: number;
      handle(body: Uint8Array): Promise<MountedAnswer>;
    };

export interface MountedService {
  /** Beginnings of paths, each with a slash at its end. */
  readonly prefixes: readonly string[];
  /** Never rejects, and neither does what it gives back. */
  admit(head: MountedHead): Promise<Admission>;
}
