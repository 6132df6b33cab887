/**
 * Kinds of values in the original's files. They were read as YAML 1.1, where `yes` is true and `5_000_000` is a number;
 * here both arrive as text.
 */
import { z } from "zod";
import { MAX_DURATION_MS, parseDuration } from "../../core/schema/duration.ts";
import { isHostName } from "../../core/schema/host.ts";
import { isIp } from "../../core/schema/ip.ts";
import { parsedText } from "../../core/schema/text.ts";

const GROUPED_NUMBER = /^[-+]?\d[\d_]*(?:\.[\d_]*)?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { yes: true, on: true, no: false, off: false };
const BOOLEAN = /^(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/;

function numeric(schema: z.ZodType<number>): z.ZodType<number, number> {
  return z.preprocess(
    (value) =>
      typeof value === "string" && value.includes("_") && GROUPED_NUMBER.test(value)
        ? Number(value.replaceAll("_", ""))
        : value,
    schema,
  ) as unknown as z.ZodType<number, number>;
}

export function trueOrFalse(): z.ZodType<boolean, boolean> {
  return z.preprocess(
    (value) => (typeof value === "string" && BOOLEAN.test(value) ? BOOLEANS[value.toLowerCase()] : value),
    z.boolean(),
  ) as unknown as z.ZodType<boolean, boolean>;
}

/** A whole number; `expected` completes the sentence "expected …". */
export function wholeNumber(least: number, most: number, expected: string): z.ZodType<number, number> {
  const error = `expected ${expected}`;
  return numeric(z.int({ error }).min(least, { error }).max(most, { error }));
}

export function port(): z.ZodType<number, number> {
  return wholeNumber(1, 65_535, "a port from 1 to 65535");
}

/** Whole milliseconds of a time in seconds: a number above 0, fractions too. */
export function seconds(): z.ZodType<number, number> {
  const most = Math.floor(MAX_DURATION_MS / 1_000);
  const error = `expected a number of seconds from 0.001 to ${most}, such as 5 or 0.5`;
  return numeric(
    z
      .number({ error })
      .min(0.001, { error })
      .max(most, { error })
      .transform((value) => Math.round(value * 1_000)),
  );
}

/** Whole milliseconds of a time in seconds, or of text such as `30s`. */
export function secondsOrDuration(): z.ZodType<number, number | string> {
  const text = parsedText({
    name: "time",
    expected: "a time above 0: a number of seconds, or text such as 30s",
    parse: (written) => parseDuration(written) || null,
  });
  return z.union([seconds(), text]);
}

/** A name that may stand in a hosts file. */
export function ownedName(): z.ZodType<string, string> {
  return parsedText({
    name: "name for the hosts file",
    expected: "a host name such as minio.local, without a dot at its end",
    parse: (text) => (isHostName(text) && !text.endsWith(".") ? text : null),
  });
}

/** The host of a backend: a name that is resolved, or an address. */
export function backendHost(): z.ZodType<string, string> {
  return parsedText({
    name: "host",
    expected: "an IP address or a host name; the port is that of the health check",
    parse: (text) => (isHostName(text) || isIp(text) ? text : null),
  });
}
