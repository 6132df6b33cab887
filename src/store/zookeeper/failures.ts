/** Answers of a server that are errors, as a store throws them. */
import { StoreRefused, StoreUnavailable } from "../errors.ts";
import { codeText } from "./protocol.ts";
import { ServerError } from "./session.ts";

/** The server could not do it in time, or does less for a while. */
const LATER: ReadonlySet<number> = new Set([-7, -13, -127]);

export function storeError(code: number, path: string): Error {
  return LATER.has(code) ? new StoreUnavailable(codeText(code)) : new StoreRefused(codeText(code), path);
}

/** The answer, or a rejection in the store's words; `path` is that of the caller. */
export async function translated<Answer>(path: string, answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof ServerError ? storeError(error.code, path) : error;
  }
}
