/** How large the head of a request may be. */
import type { ErrorCode } from "../../core/errors.ts";
import type { Limits } from "../../core/plan.ts";

/** A head that may start with a body part is looked at up to its limit and this much. */
const HEAD_SLACK_BYTES = 1_024;

/** So many bytes are looked at for the end of a head. */
export function mostOfHead({ header_bytes, target_bytes }: Limits): number {
  return header_bytes + target_bytes + HEAD_SLACK_BYTES;
}

/** Why a head does not end in `bytes`: its request line is over the limit, or its fields are. */
export function tooLarge(bytes: Uint8Array, limits: Limits): ErrorCode {
  let start = 0;
  while (bytes[start] === 13 || bytes[start] === 10) start++;
  const lineEnd = bytes.indexOf(10, start);
  return lineEnd < 0 || lineEnd - start > limits.target_bytes ? "FL_TARGET_TOO_LONG" : "FL_HEADER_TOO_LARGE";
}
