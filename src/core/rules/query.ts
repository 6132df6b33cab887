/**
 * How rules read a query. It is split at `&` only; `;` is a character like any other. The first `=` ends the key, a
 * part without `=` has the value "", empty parts are skipped, and keys may be empty. `+` is a space, `%XX` is one
 * byte, and a `%` without two hex digits stands for itself. What is sent to a backend is the query as it came.
 */

/** Returns key, value, key, value, … of a raw query without its `?`; latin1 text, one character per byte. */
export function parseQuery(raw: string): string[] {
  const pairs: string[] = [];
  for (let from = 0; from < raw.length;) {
    const ampersand = raw.indexOf("&", from);
    const to = ampersand < 0 ? raw.length : ampersand;
    if (to > from) {
      const equals = raw.indexOf("=", from);
      const keyEnd = equals < 0 || equals > to ? to : equals;
      pairs.push(decode(raw.slice(from, keyEnd)), decode(raw.slice(keyEnd + 1, to)));
    }
    from = to + 1;
  }
  return pairs;
}

/** The raw query of a request target, without its `?`; "" when it has none. */
export function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? "" : target.slice(mark + 1);
}

/** The first value of a parameter of a request target, or null. */
export function queryValue(target: string, name: string): string | null {
  const pairs = parseQuery(queryOf(target));
  for (let index = 0; index < pairs.length; index += 2) if (pairs[index] === name) return pairs[index + 1]!;
  return null;
}

const ENCODED = /\+|%[0-9A-Fa-f]{2}/g;

function decode(text: string): string {
  return text.replace(ENCODED, (sign) =>
    sign === "+" ? " " : String.fromCharCode(Number.parseInt(sign.slice(1), 16)),
  );
}
