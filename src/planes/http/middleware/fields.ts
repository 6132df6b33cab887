/** Fields that the client must not be able to set in our place. */
import { FIELD_STRIDE, type Head } from "../../../net/head.ts";

const UNDERSCORE = 95;
const HYPHEN = 45;

/**
 * Removes every line of a field from a request, in any spelling that a backend may take for it: many servers read `_`
 * as `-`. `name` is lower case.
 */
export function removeField(head: Head, name: string): void {
  const { bytes, positions, count } = head;
  const { length } = name;
  next: for (let index = 0; index < count; index++) {
    const at = index * FIELD_STRIDE;
    const start = positions[at]!;
    if (positions[at + 1]! - start !== length) continue;
    for (let k = 0; k < length; k++) {
      const byte = bytes[start + k]!;
      const wanted = name.charCodeAt(k);
      const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
      if (lower !== wanted && !(byte === UNDERSCORE && wanted === HYPHEN)) continue next;
    }
    head.drop(index);
  }
  if (head.appended !== "") head.remove(name);
}
