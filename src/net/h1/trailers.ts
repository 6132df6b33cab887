/** Trailer sections (RFC 9110 6.5): parsed like fields; what must not stand there is dropped. */
import { Head } from "../head.ts";
import { connectionTokens, dropFields } from "./framing.ts";
import { parseTrailers } from "./parse.ts";

/**
 * Fields that decide framing, routing, authentication, identity, conditions or content, and so are useless or dangerous
 * in a trailer (RFC 9110 6.5.1).
 */
const FORBIDDEN =
  /^(?:transfer-encoding|content-.*|host|authorization|cookie|set-cookie|trailer|te|connection|keep-alive|upgrade|http2-settings|expect|range|if-.*|cache-control|pragma|max-forwards|proxy|proxy-.*|www-authenticate|age|date|expires|location|retry-after|vary|warning|x-forwarded-.*|x-real-ip|x-request-id|forwarded|via|cdn-loop)$/;

/** The trailer fields that may go on, or null when the section is malformed. `section` is whole lines. */
export function keptTrailers(section: Uint8Array, maxFields: number): Head | null {
  const head = new Head(maxFields);
  const bytes = Buffer.concat([section, Buffer.from("\r\n")]);
  if (parseTrailers(head, bytes, bytes.length) !== bytes.length) return null;
  for (let field = 0; field < head.count; field++) {
    // Many servers read an underscore as a hyphen.
    if (FORBIDDEN.test(head.nameAt(field).toLowerCase().replaceAll("_", "-"))) head.drop(field);
  }
  return head;
}

/** Takes away what the head of the message nominates as hop-by-hop (RFC 9110 7.6.1). */
export function dropNominated(trailers: Head, head: Head): void {
  dropFields(trailers, new Set(connectionTokens(head)));
}

/** The lines to send, "" when nothing is left. */
export function trailerLines(trailers: Head): string {
  let lines = "";
  for (const [name, value] of trailers.fields()) lines += `${name}: ${value}\r\n`;
  return lines;
}
