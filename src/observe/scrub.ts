/**
 * Secrets in what the program says of itself. Its own messages hold none; this is for words that come from elsewhere:
 * an error of a library that repeats a URL, a field that somebody passes on.
 */
import { DEFAULT_ACCESS_LOG } from "../core/defaults.ts";
import { REDACTED } from "./log_redaction.ts";

const SECRET_NAME =
  /(?:^|[_.-])(?:authorization|cookie|passwords?|passwd|secrets?|tokens?|credentials?|(?:api|private)[_-]?key)(?:$|[_.-])/i;

const parameters = DEFAULT_ACCESS_LOG.redact_query.map((name) => RegExp.escape(name)).join("|");

const SECRETS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // The userinfo of a URL, up to the last @ of its authority.
  [/([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#"']*@/gi, `$1${REDACTED}@`],
  [/(authorization["']?\s*[:=]\s*["']?[a-z-]+)\s+[^\s,;"']+/gi, `$1 ${REDACTED}`],
  // Without the field's name only what cannot be a word of a sentence.
  [/\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{16,}/gi, `$1 ${REDACTED}`],
  [new RegExp(`([?&;]|^|\\s)(${parameters})=[^\\s&;"']*`, "gi"), `$1$2=${REDACTED}`],
  [/-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(?:-----END [^-]*-----|$)/g, REDACTED],
];

/** True for the name of a field whose value is a secret: `password`, `api_key`, `proxy-authorization`. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** `text` without userinfo of URLs, credentials of HTTP authentication, secret query parameters and private keys. */
export function scrub(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  return clean;
}
