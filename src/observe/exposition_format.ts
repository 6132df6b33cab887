/** Which format of metrics somebody gets who asks for them. */
import { type ExpositionFormat, prometheusText } from "./exposition.ts";
import { openMetrics } from "./openmetrics.ts";

export type { ExpositionFormat } from "./exposition.ts";

export const EXPOSITION_FORMATS: readonly ExpositionFormat[] = [prometheusText, openMetrics];

/** Of a longer field the rest is not looked at. */
const MAX_RANGES = 32;

/**
 * The format for the value of an Accept field, null = there is none. OpenMetrics goes to those who name it in a version
 * that we write (or in none) and like it no less than text; everybody else gets the text format, which every scraper
 * reads, whatever else they accept.
 */
export function expositionFor(accept: string | null): ExpositionFormat {
  const ranges = rangesOf(accept ?? "");
  const named = ranges.filter(({ type, version }) => type === OPEN_METRICS && OUR_VERSIONS.has(version));
  const quality = Math.max(0, ...named.map((range) => range.quality));
  return quality > 0 && quality >= textQuality(ranges) ? openMetrics : prometheusText;
}

const OPEN_METRICS = "application/openmetrics-text";
const OUR_VERSIONS: ReadonlySet<string> = new Set(["", "1.0.0"]);

interface MediaRange {
  readonly type: string;
  readonly version: string;
  /** 0 to 1. */
  readonly quality: number;
}

/** How much plain text is liked: by the most specific range that covers it (RFC 9110 12.5.1). */
function textQuality(ranges: readonly MediaRange[]): number {
  for (const wanted of ["text/plain", "text/*", "*/*"]) {
    const covering = ranges.filter(({ type }) => type === wanted);
    if (covering.length > 0) return Math.max(...covering.map(({ quality }) => quality));
  }
  return 0;
}

function rangesOf(accept: string): MediaRange[] {
  return accept
    .toLowerCase()
    .split(",", MAX_RANGES)
    .map((range) => {
      const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
      const valueOf = (name: string) =>
        parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
      const quality = Number(valueOf("q") ?? 1);
      const version = (valueOf("version") ?? "").replaceAll('"', "");
      return { type, version, quality: quality >= 0 && quality <= 1 ? quality : 0 };
    });
}
