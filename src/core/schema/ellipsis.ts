/** Ellipses stand for a range of numbers: `minio{1...16}` is minio1 to minio16, as MinIO's own tools write it. */

/** More texts than that are not made of one. */
export const MAX_EXPANDED = 1_024;

interface Range {
  /** What stands before it in the text. */
  readonly before: string;
  readonly from: number;
  readonly to: number;
  /** Numbers are filled up to so many digits. */
  readonly width: number;
}

/**
 * All texts that `text` stands for: one where it has no ellipsis, all combinations where it has several, the last one
 * changing fastest. Or why it is refused, with the place.
 */
export function expandEllipses(
  text: string,
): { readonly texts: readonly string[] } | { readonly problem: string } {
  if (!text.includes("{") && !text.includes("}")) return { texts: [text] };
  const ranges: Range[] = [];
  let rest = 0;
  let count = 1;
  for (let open = text.indexOf("{"); open >= 0; open = text.indexOf("{", rest)) {
    const close = text.indexOf("}", open);
    const inside = text.slice(open + 1, close < 0 ? text.length : close);
    const found = close < 0 ? "has no end" : rangeOf(inside);
    if (typeof found === "string") return refusal(text, open, found);
    const before = text.slice(rest, open);
    if (before.includes("}")) break;
    ranges.push({ before, ...found });
    count *= found.to - found.from + 1;
    if (count > MAX_EXPANDED)
      return refusal(text, open, `makes ${count} texts, and at most ${MAX_EXPANDED} may be`);
    rest = close + 1;
  }
  const tail = text.slice(rest);
  const stray = tail.indexOf("}");
  if (stray >= 0) return refusal(text, rest + stray, "has no beginning");
  return { texts: combined(ranges).map((head) => head + tail) };
}

function refusal(text: string, at: number, problem: string): { readonly problem: string } {
  const place = `${JSON.stringify(text)}: the ellipsis at character ${at + 1}`;
  return { problem: `${place} ${problem}; expected two whole numbers such as {1...16}` };
}

function rangeOf(inside: string): Omit<Range, "before"> | string {
  const match = /^(\d{1,9})\.\.\.(\d{1,9})$/.exec(inside);
  if (match === null) return /^\d+\.\.\d+$/.test(inside) ? "has two dots" : "is no range";
  const [, first = "", last = ""] = match;
  const [from, to] = [Number(first), Number(last)];
  if (from > to) return `goes down from ${from} to ${to}`;
  return { from, to, width: first.length > 1 && first.startsWith("0") ? first.length : 0 };
}

function combined(ranges: readonly Range[]): string[] {
  let texts = [""];
  for (const { before, from, to, width } of ranges) {
    const numbers = Array.from({ length: to - from + 1 }, (_, index) =>
      String(from + index).padStart(width, "0"),
    );
    texts = texts.flatMap((text) => numbers.map((number) => text + before + number));
  }
  return texts;
}
