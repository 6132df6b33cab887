/** What a reader of HTTP/1.1 requests found, in a form that two readers can be compared by. Texts are latin1. */

export type FieldLine = readonly [name: string, value: string];

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  /** `1.0` or `1.1`; a later minor version reads as `1.1`. */
  readonly version: string;
  /** In order; names as they came, values without the white space around them. */
  readonly fields: readonly FieldLine[];
  readonly body: string;
  readonly trailers: readonly FieldLine[];
}

/** How the bytes end after the last whole request. */
export type Ending =
  /** Right after a request, or with nothing at all. */
  | { readonly kind: "complete" }
  /** Inside a request: more bytes are needed. */
  | { readonly kind: "more" }
  /** With something that is no request. `status` is the answer that it gets, 0 = the reader does not say. */
  | { readonly kind: "refused"; readonly status: number; readonly why: string };

export interface Reading {
  readonly requests: readonly ReadRequest[];
  readonly ending: Ending;
}

/** One line per request and one for the ending: equal for readings that mean the same. */
export function readingText({ requests, ending }: Reading): string {
  return [...requests.map((request) => JSON.stringify(request)), ending.kind].join("\n");
}
