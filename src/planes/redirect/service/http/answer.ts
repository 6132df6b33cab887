/** What the management service answers. */

export interface ServiceAnswer {
  readonly status: number;
  /** Content type; "" where there is no body. */
  readonly type: string;
  readonly body: string | Uint8Array;
  /** Further lines of the head, each with its end. */
  readonly fields?: string;
}

export function giveJson(value: unknown, status = 200): ServiceAnswer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

export function giveText(text: string, status = 200): ServiceAnswer {
  return { status, type: "text/plain", body: text };
}

/** The answer as a file to be saved. */
export function asFile(answer: ServiceAnswer, name: string): ServiceAnswer {
  const safe = name.replace(/[^\w.-]/g, "_");
  return { ...answer, fields: `${answer.fields ?? ""}Content-Disposition: attachment; filename=${safe}\r\n` };
}
