/** Forms with files (RFC 7578): one field of the whole body, which is there already and is not copied. */
import { ServiceError } from "../service_error.ts";

const TYPE = /^multipart\/form-data\s*;(?:[^"]|"[^"]*")*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const MOST_PARTS = 100;
const LONGEST_HEAD = 8_192;

export function isForm(contentType: string | null): boolean {
  return contentType !== null && /^multipart\/form-data\b/i.test(contentType);
}

/** The content of the first field with this name, null where there is none. Throws ServiceError with 400 for what is no such form. */
export function formField(body: Uint8Array, contentType: string, name: string): Uint8Array | null {
  const [, quoted, plain] = TYPE.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new ServiceError(400, "the form has no boundary in its Content-Type");
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = `--${boundary}`;
  let at = bytes.indexOf(delimiter);
  for (let parts = 0; at >= 0 && parts < MOST_PARTS; parts++) {
    const begin = at + delimiter.length;
    if (bytes.toString("latin1", begin, begin + 2) === "--") return null;
    const head = bytes.indexOf("\r\n\r\n", begin);
    const end = bytes.indexOf(`\r\n${delimiter}`, head < 0 ? begin : head + 2);
    if (head < 0 || end < 0 || head - begin > LONGEST_HEAD) break;
    if (nameIn(bytes.toString("utf8", begin, head)) === name)
      return body.subarray(head + 4, Math.max(head + 4, end));
    at = end + 2;
  }
  throw new ServiceError(400, "the form cannot be read: it has no end, or a field without one");
}

/** Names are percent-encoded where they hold quotes or line ends. */
function nameIn(head: string): string | null {
  const line = /^content-disposition:\s*form-data\b(.*)$/im.exec(head)?.[1] ?? "";
  return /;\s*name="([^"]*)"/i.exec(line)?.[1] ?? /;\s*name=([^\s;]+)/i.exec(line)?.[1] ?? null;
}
