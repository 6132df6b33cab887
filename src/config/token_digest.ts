import { createHash } from "node:crypto";

/** The plan goes to every worker and into dumps: what stands for a token there opens nothing. */
export function tokenDigest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
