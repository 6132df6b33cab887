/** What SQLite throws, as a store throws it. */
import { messageOf } from "../../core/text/message_of.ts";
import { StoreConflict, StoreRefused, StoreUnavailable } from "../errors.ts";

function codeOf(error: unknown): string {
  return (error as { code?: unknown } | null)?.code?.toString() ?? "";
}

/** Another program holds a lock: worth another try at once. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error));
}

/** In the words of a store; what is no failure of SQLite or the file system stays as it is. */
export function sqliteError(file: string, error: unknown): unknown {
  if (error instanceof StoreConflict || error instanceof StoreRefused || error instanceof StoreUnavailable)
    return error;
  const code = codeOf(error);
  if (isBusy(error)) return new StoreUnavailable(`${file} is locked by another program`);
  if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(code))
    return new StoreRefused(`${file} is damaged or no SQLite file (${messageOf(error)})`);
  if (/^(?:SQLITE_(?:FULL|IOERR|CANTOPEN|READONLY|NOMEM|PERM|AUTH)|E[A-Z]+$)/.test(code))
    return new StoreUnavailable(`${file}: ${messageOf(error)}`);
  return error;
}
