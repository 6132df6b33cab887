/** Texts that come in another way than in a document, and go out in documents. */
import { isWritable } from "../../../../core/redirect/documents/fields.ts";
import { quoted } from "../../../../core/redirect/documents/reading.ts";
import { ServiceError } from "../service_error.ts";

/** Throws ServiceError 400 for a text that no XML document could hold. `what` says what it is. */
export function expectWritable(what: string, text: string): string {
  if (isWritable(text)) return text;
  throw new ServiceError(400, `${what} ${quoted(text)}: holds characters that XML cannot hold`);
}
