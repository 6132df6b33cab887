import { escapeByte, isNormalPath, matchPath } from "../../text/path.ts";
import { toByteText } from "../byte_text.ts";
import { ValueError } from "../matcher.ts";

const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/**
 * The normal form of a path that a rule names, so that it can be compared with `request.path`. Characters that a URI
 * cannot hold may be written as they are (`/foo bar`, `/café`). `partial`: the last segment may go on.
 * Throws ValueError for a path that no request can have.
 */
export function pathValue(value: string, partial: boolean): string {
  if (!value.startsWith("/"))
    throw new ValueError(0, `path \`${value}\` does not start with a slash`, "a path such as /api");
  const mark = /[?#]/.exec(value)?.[0];
  if (mark !== undefined)
    throw new ValueError(
      0,
      `path \`${value}\` holds \`${mark}\``,
      "a path without query and fragment (see Query)",
    );
  const encoded = toByteText(value).replace(/[\0-\x20\\\x7f-\xff]/g, (byte) =>
    escapeByte(byte.charCodeAt(0)),
  );
  const normal = matchPath(encoded);
  if (normal === null && MALFORMED_ESCAPE.test(encoded))
    throw new ValueError(0, `malformed escape in path \`${value}\``, "% and two hex digits");
  if (normal === null)
    throw new ValueError(
      0,
      `path \`${value}\` can never be matched, as it means two things`,
      "a path without repeated slashes and dot segments",
    );
  // A prefix may end within a segment: with a character behind it, `/a/..` is no dot segment yet.
  const tail = partial ? "-" : "";
  if (!isNormalPath(encoded + tail))
    throw new ValueError(
      0,
      `path \`${value}\` can never be matched, as slashes are merged and dot segments resolved first`,
      `\`${normal}\``,
    );
  return matchPath(encoded + tail)!.slice(0, -tail.length || undefined);
}
