/**
 * The path of a request in the one form that rules compare (RFC 3986 6.2.2): escapes of unreserved characters are
 * decoded, all others stay with upper-case digits, slashes are merged and dot segments are resolved. The result is
 * still a valid path, and an encoded separator (`%2F`, `%5C`, `%00`, `%3B`, `%25`, `%3F`, `%23`) stays encoded. A path
 * that servers read in two ways (`/a//../b`) has no such form.
 * What is sent to a backend is never taken from here unless a step rewrites the path.
 */

/**
 * A character that may need work, or a slash that may start a dot segment or repeats. One native pattern without
 * repetition costs half of a loop over the characters (Bun 1.4.5, bench/router.ts).
 */
const NEEDS_WORK = /[^!$&-;=@A-Z[\]_a-z~]|\/[/.]/;

/** What a character of a raw path means. */
const KEEP = 0;
/** Not legal in a URI but harmless: compared in its encoded form. */
const ENCODE = 1;
const ESCAPE = 2;
/** Controls, space, backslash, `?`, `#`, DEL and everything above: no path holds them. */
const REFUSE = 3;

const CLASSES = new Uint8Array(256).fill(REFUSE);
for (const character of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/[]")
  CLASSES[character.charCodeAt(0)] = KEEP;
for (const character of '"<>^`{|}') CLASSES[character.charCodeAt(0)] = ENCODE;
CLASSES["%".charCodeAt(0)] = ESCAPE;

const UNRESERVED = /^[A-Za-z0-9._~-]$/;
const ESCAPE_DIGITS = /^[0-9A-Fa-f]{2}$/;

/** The path of a request target as it is written, without the query. */
export function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.slice(0, mark);
}

/** A percent escape in upper case. */
export function escapeByte(byte: number): string {
  return `%${(byte < 16 ? "0" : "") + byte.toString(16).toUpperCase()}`;
}

/** The canonical form of the unit (one character or one escape) at `at`, or null when it is malformed. */
function canonicalUnit(path: string, at: number): string | null {
  const code = path.charCodeAt(at);
  const kind = code < 256 ? CLASSES[code]! : REFUSE;
  if (kind === KEEP) return path.charAt(at);
  if (kind === ENCODE) return escapeByte(code);
  if (kind === REFUSE) return null;
  const digits = path.slice(at + 1, at + 3);
  if (!ESCAPE_DIGITS.test(digits)) return null;
  const decoded = String.fromCharCode(Number.parseInt(digits, 16));
  return UNRESERVED.test(decoded) ? decoded : `%${digits.toUpperCase()}`;
}

/** Escapes in canonical form, segments untouched; null when the path is malformed. */
function canonicalEscapes(path: string): string | null {
  let text = "";
  for (let at = 0; at < path.length; at += path.charCodeAt(at) === 37 ? 3 : 1) {
    const unit = canonicalUnit(path, at);
    if (unit === null) return null;
    text += unit;
  }
  return text;
}

const EMPTY_SEGMENTS = /\/{2,}/g;

/**
 * Merges slashes and resolves dot segments; `path` starts with a slash and has canonical escapes. By RFC 3986 5.2.4 (and
 * WHATWG URL) the `..` of `/a//../b` takes away the empty segment alone, which leaves `/a/b`; servers that merge first
 * read `/b`. As the path is sent on as it came, null is returned where the two orders differ.
 */
function resolveSegments(path: string): string | null {
  if (!path.includes("//")) return resolveDots(path);
  const resolvedFirst = resolveDots(path).replace(EMPTY_SEGMENTS, "/");
  return resolveDots(path.replace(EMPTY_SEGMENTS, "/")) === resolvedFirst ? resolvedFirst : null;
}

/** Resolves dot segments (RFC 3986 5.2.4). A `..` above the root is dropped. */
function resolveDots(path: string): string {
  const segments = path.split("/");
  const last = segments.length - 1;
  const kept = [""];
  for (let index = 1; index <= last; index++) {
    const segment = segments[index]!;
    if (segment !== "." && segment !== "..") {
      kept.push(segment);
      continue;
    }
    if (segment === ".." && kept.length > 1) kept.pop();
    if (index === last) kept.push("");
  }
  return kept.join("/");
}

/**
 * True when `path` already is in normal form by a quick look: the hot path. False says only that a closer look is
 * needed (`/.well-known` or `/a%2Fb` are in normal form too).
 */
export function isSafePath(path: string): boolean {
  return path.charCodeAt(0) === 47 && !NEEDS_WORK.test(path);
}

/**
 * The form of a request path that rules compare. `path` is the raw path without query; "" means `/`, and `*` (of
 * `OPTIONS *`) stays as it is. Returns the same string where nothing has to change.
 * Null means that the request must be answered with 400: no leading slash, `%` without two hex digits, a backslash,
 * a control character, space, `?`, `#`, a byte above 0x7e, or a `..` that means one thing before and another after
 * repeated slashes are merged.
 */
export function matchPath(path: string): string | null {
  if (isSafePath(path)) return path;
  if (path === "" || path === "*") return path === "" ? "/" : path;
  if (path.charCodeAt(0) !== 47) return null;
  const escaped = canonicalEscapes(path);
  return escaped === null ? null : resolveSegments(escaped);
}

/** True when `path` is well-formed and has neither dot segments (encoded ones included) nor repeated slashes. */
export function isNormalPath(path: string): boolean {
  if (isSafePath(path)) return true;
  const escaped = path.charCodeAt(0) === 47 ? canonicalEscapes(path) : null;
  return escaped !== null && escaped === resolveSegments(escaped);
}

/** Number of characters of the raw `path` whose canonical form has `length` characters. */
function rawLength(path: string, length: number): number {
  let at = 0;
  for (let canonical = 0; canonical < length && at < path.length;) {
    canonical += canonicalUnit(path, at)?.length ?? 1;
    at += path.charCodeAt(at) === 37 ? 3 : 1;
  }
  return at;
}

/**
 * The raw `path` without `prefix`, with a leading slash. `prefix` is in normal form and `matchPath(path)` starts with
 * it. The rest keeps its bytes, unless dot segments or repeated slashes had to be resolved to find the prefix: then
 * it is in normal form. Null means 400: what is left would climb (`/api../x` without `/api`).
 */
export function stripPathPrefix(path: string, prefix: string): string | null {
  const normal = matchPath(path);
  if (normal === null) return null;
  const source = isNormalPath(path) ? path : normal;
  const rest = source.slice(rawLength(source, prefix.length));
  const stripped = rest.startsWith("/") ? rest : `/${rest}`;
  return isNormalPath(stripped) ? stripped : null;
}

/** Characters that are encoded in a path only because a URI cannot hold them, and UTF-8 sequences. */
const READABLE = /(?:%[89A-F][0-9A-F])+|%(?:20|22|3C|3E|5E|60|7B|7C|7D)/g;

function decodeOrKeep(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}

/**
 * The form of a path that users' regexes see: spaces, `"<>^{|}`, backticks and UTF-8 text are decoded, everything that
 * has or may have a meaning to a server (`%2F`, `%25`, `%5C`, controls, …) stays encoded. `path` is in normal form.
 */
export function readablePath(path: string): string {
  return path.includes("%") ? path.replace(READABLE, decodeOrKeep) : path;
}
