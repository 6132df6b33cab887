/** Rebuilding a head in the scratch block: kept lines move together in place, so an unchanged head costs nothing. */
import { FIELD_STRIDE, type Head } from "../head.ts";
import { flushAnyStaged } from "./output.ts";
import { scratch, scratchOwner } from "./scratch.ts";

/**
 * Makes `scratch[0..end)` hold the start line and the kept field lines of `head`; returns `end`. The head's bytes are
 * loaded when another head has been in the scratch block since it was parsed. `upTo` is `head.fieldsEnd`.
 */
export function compactHead(head: Head, upTo: number): number {
  flushAnyStaged();
  if (scratchOwner.bytes !== head.bytes) scratch.set(head.bytes.subarray(0, upTo));
  // What stands there now is no longer the head as it was parsed.
  scratchOwner.bytes = null;
  if (head.droppedCount === 0) return upTo;
  const { positions, dropped, count } = head;
  let end = -1;
  let keptFrom = 0;
  for (let field = 0; field < count; field++) {
    if (dropped[field] === 0) continue;
    const from = positions[field * FIELD_STRIDE]!;
    const to = field + 1 < count ? positions[(field + 1) * FIELD_STRIDE]! : upTo;
    if (end < 0) end = from;
    else if (from > keptFrom) {
      scratch.copyWithin(end, keptFrom, from);
      end += from - keptFrom;
    }
    keptFrom = to;
  }
  if (upTo > keptFrom) {
    scratch.copyWithin(end, keptFrom, upTo);
    end += upTo - keptFrom;
  }
  return end;
}
