/**
 * Where a redirect may lead. What a client writes (host and path of the request) may fill in a location, but must not
 * choose its host: otherwise a link to a trusted name leads wherever its author likes (an open redirect).
 */
import { type Piece, textOf } from "../../../../core/rules/replacement.ts";

/** Scheme and authority; browsers read a backslash as a slash. */
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#\\]*)/;
const PORT_OR_NOTHING = /^(?::\d{0,5})?$/;
const HOST_CHARACTERS = /^[A-Za-z0-9._~-]*$/;

/**
 * The text that `pieces` make of `source` (the URL of the request), or null when it is no URL that the replacement can
 * have meant: another host than it names, or a form that browsers read as one (`//host`).
 */
export function safeLocation(pieces: readonly Piece[], source: string): string | null {
  const location = textOf(pieces);
  if (location.startsWith("/")) return /^\/[/\\]/.test(location) ? null : location;
  const absolute = ABSOLUTE.exec(location);
  const host = absolute?.[2] ?? "";
  if (absolute === null || host === "" || host.includes("@")) return null;
  const sourceEnd = ABSOLUTE.exec(source)![0].length;
  const hostStart = absolute[1]!.length + "://".length;
  return isMeantHost(pieces, hostStart, absolute[0].length, sourceEnd) ? location : null;
}

/** Looks at every piece that reaches into scheme or authority, which end at `end`; those of the source end at `sourceEnd`. */
function isMeantHost(pieces: readonly Piece[], hostStart: number, end: number, sourceEnd: number): boolean {
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    if (at >= end) break;
    const part = piece.text.slice(0, end - at);
    if (piece.from >= 0 && !mayStand(pieces, index, part, at > hostStart, sourceEnd)) return false;
    at += piece.text.length;
  }
  return true;
}

function mayStand(
  pieces: readonly Piece[],
  index: number,
  part: string,
  insideHost: boolean,
  sourceEnd: number,
): boolean {
  const piece = pieces[index]!;
  const before = pieces[index - 1];
  // `https://new.example$1`: whatever goes on right behind a name would make it another name.
  if (insideHost && before !== undefined && before.from < 0 && !before.text.endsWith("."))
    return PORT_OR_NOTHING.test(part);
  if (piece.from + part.length <= sourceEnd) return true;
  // `https://$1.example.com/`: a part of the path may name something under a fixed name.
  const after = pieces[index + 1];
  return (
    part === piece.text &&
    HOST_CHARACTERS.test(part) &&
    after !== undefined &&
    after.from < 0 &&
    /^\.[A-Za-z0-9]/.test(after.text)
  );
}
