/** Cookies of the management service (RFC 6265): what a request brings, and lines that set them. */

/** More of one name, and later ones, are not looked at. */
const MAX_OF_A_NAME = 8;
const MS_PER_SECOND = 1_000;

/** Values of the cookies with this name in fields `Cookie`, in their order. */
export function cookiesNamed(fields: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (const field of fields)
    for (const pair of field.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      values.push(pair.slice(equals + 1).trim());
      if (values.length === MAX_OF_A_NAME) return values;
    }
  return values;
}

/** A line of an answer's head, with its end. `value` must be characters of a cookie. */
export function cookieLine(
  name: string,
  value: string,
  { max_age_ms, isSecure }: { readonly max_age_ms: number; readonly isSecure: boolean },
): string {
  const age = Math.floor(max_age_ms / MS_PER_SECOND);
  return `Set-Cookie: ${name}=${value}; Max-Age=${age}; Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}\r\n`;
}

export function goneCookieLine(name: string, isSecure: boolean): string {
  return cookieLine(name, "", { max_age_ms: 0, isSecure });
}
