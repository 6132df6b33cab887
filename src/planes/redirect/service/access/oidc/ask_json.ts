/** Asks an identity provider for JSON. */
import { isObject } from "../../../../../core/schema/is_object.ts";
import type { Fetch } from "../environment.ts";

export const PROVIDER_TIMEOUT_MS = 5_000;
const MAX_BYTES = 1_048_576;

export interface JsonAnswer {
  readonly status: number;
  /** Empty where the answer is no object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Rejects with Error where there is no answer in time, a redirect, or more than 1 MiB. */
export async function askJson(fetch: Fetch, url: string, options: RequestInit = {}): Promise<JsonAnswer> {
  // A redirect could lead to where nobody has checked the address, and take a secret along.
  const response = await fetch(url, {
    ...options,
    redirect: "error",
    signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
  });
  const text = await limitedText(response);
  return { status: response.status, body: objectOr(text) };
}

async function limitedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function objectOr(text: string): JsonAnswer["body"] {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
