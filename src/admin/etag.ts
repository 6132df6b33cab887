/** Revisions of what the admin API shows, against lost updates (RFC 9110 8.8.3, 13.1.1). */
import { createHash } from "node:crypto";
import { AdminError } from "./problem.ts";

const TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** The ETag of a resource in JSON: another one whenever what it shows is another. */
export function etagOf(resource: unknown): string {
  return `"${createHash("sha256").update(JSON.stringify(resource)).digest("base64url").slice(0, 22)}"`;
}

/**
 * Lets a change through whose If-Match holds the ETag of `resource`, or `*`; null = nothing is asked for. Throws
 * AdminError: 412 with the state of now, or 400 for a malformed field. Weak ETags match nothing.
 */
export function expectMatch(ifMatch: string | null, resource: unknown): void {
  if (ifMatch === null || ifMatch.trim() === "*") return;
  const given = ifMatch.split(",").map((tag) => tag.trim());
  if (!given.every((tag) => TAG.test(tag)))
    throw new AdminError(400, 'If-Match: expected ETags such as "Qm9v…" in double quotes, or *');
  const etag = etagOf(resource);
  if (given.includes(etag)) return;
  const text =
    "it has changed since: look at it again, and repeat the change with its ETag where it still fits";
  throw new AdminError(412, text, { etag, current: resource }, `ETag: ${etag}\r\n`);
}
