/** Paths between the text of a configuration, the readable form that regexes see, and what stands in a request line. */
import { toByteText } from "../../../core/rules/byte_text.ts";
import { SyntaxProblem } from "../../../core/rules/linear_regex.ts";
import { escapeByte, isNormalPath } from "../../../core/text/path.ts";

/** What no URI holds (RFC 3986 2), of the bytes that a path may stand for. */
const NOT_IN_URI = /[\x20"<>\\^`{|}\x80-\xff]/g;
const CONTROL = /[\0-\x1f\x7f]/;
const LONE_PERCENT = /%(?![0-9A-Fa-f]{2})/;

/** Readable text as it stands in a URI: what a URI cannot hold is encoded, escapes stay as they are. */
export function encodeUriText(text: string): string {
  return toByteText(text).replace(NOT_IN_URI, (byte) => escapeByte(byte.charCodeAt(0)));
}

/** Text of a setting as it stands in a URI. Throws SyntaxProblem for control characters and a lone `%`. */
export function uriTextOfSetting(text: string): string {
  if (CONTROL.test(text)) throw new SyntaxProblem("a control character", "printable text");
  if (LONE_PERCENT.test(text))
    throw new SyntaxProblem(`a lone \`%\` in \`${text}\``, "% and two hex digits (%25 for the character)");
  return encodeUriText(text);
}

/** Text of a setting that becomes a part of a path. Throws SyntaxProblem. */
export function pathTextOfSetting(text: string): string {
  const mark = /[?#]/.exec(text)?.[0];
  if (mark !== undefined)
    throw new SyntaxProblem(`\`${mark}\` in \`${text}\``, "a path without query and fragment");
  return uriTextOfSetting(text);
}

/** A whole path of a setting as it stands in a request line. Throws SyntaxProblem. */
export function pathOfSetting(text: string): string {
  if (!text.startsWith("/"))
    throw new SyntaxProblem(`path \`${text}\` does not start with a slash`, "a path such as /api");
  const path = pathTextOfSetting(text);
  if (!isNormalPath(path))
    throw new SyntaxProblem(`path \`${text}\` holds dot segments or repeated slashes`, "a path without them");
  return path;
}
