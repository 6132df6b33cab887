/** `observability:` the access log and the metrics. */
import { z } from "zod";
import { DEFAULT_ACCESS_LOG, DEFAULT_ACCESS_SAMPLE, DEFAULT_METRICS } from "../../core/defaults.ts";
import { duration, formatDuration } from "../../core/schema/duration.ts";
import { lowerFieldName, statusCode } from "../../core/schema/field.ts";
import { outputFile } from "../../core/schema/file_name.ts";
import { share } from "../../core/schema/share.ts";
import { formatSize, size } from "../../core/schema/size.ts";
import { bearerToken, operatorAddress } from "./admin.ts";

const MAX_BUFFER = 2 ** 20;

const accessSample = z.strictObject({
  share: share().meta({
    description: "Share of the requests that is logged, by chance; 0 = only those that are logged always.",
  }),
  from_status: statusCode()
    .prefault(DEFAULT_ACCESS_SAMPLE.from_status)
    .meta({ description: "Requests with this status or a higher one are logged always." }),
  slower_than: duration().prefault(formatDuration(DEFAULT_ACCESS_SAMPLE.slower_than_ms)).meta({
    description: "Requests that last at least so long are logged always; 0 = whatever they last.",
  }),
});

const accessLog = z.strictObject({
  path: outputFile().meta({ description: "A file, or `-` for standard output." }),
  format: z
    .enum(["json", "clf"])
    .prefault(DEFAULT_ACCESS_LOG.format)
    .meta({ description: "JSON lines, or the combined log format." }),
  headers: z
    .array(lowerFieldName())
    .prefault([])
    .meta({ description: "Request fields that are logged by name." }),
  redact: z
    .array(lowerFieldName())
    .prefault([...DEFAULT_ACCESS_LOG.redact])
    .meta({ description: "Fields whose value is written as `REDACTED`." }),
  redact_query: z
    .array(z.string().min(1))
    .prefault([...DEFAULT_ACCESS_LOG.redact_query])
    .meta({ description: "Query parameters whose value is written as `REDACTED`." }),
  buffer: size()
    .refine((bytes) => bytes <= MAX_BUFFER, { error: `expected at most ${formatSize(MAX_BUFFER)}` })
    .meta({ description: "Bytes that are collected before a write." })
    .prefault(formatSize(DEFAULT_ACCESS_LOG.buffer_bytes)),
  flush: duration()
    .refine((milliseconds) => milliseconds > 0, { error: "expected a duration above 0" })
    .meta({ description: "A line is written at the latest after this time." })
    .prefault(formatDuration(DEFAULT_ACCESS_LOG.flush_ms)),
  sample: accessSample.optional().meta({
    description:
      "Logs only a share of the requests that went well. Without it every request is logged. Requests that were tried again or whose answer was cut are logged always.",
  }),
});

const metrics = z.strictObject({
  prefix: z
    .string()
    .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, { error: "expected a metric name: letters, digits, _ and :" })
    .prefault(DEFAULT_METRICS.prefix)
    .meta({ description: "What every metric's name starts with." }),
  buckets: z
    .array(duration())
    .min(1)
    .max(50)
    .refine((list) => list.every((value, index) => value > (list[index - 1] ?? 0)), {
      error: "expected durations above 0 in rising order",
    })
    .prefault(DEFAULT_METRICS.buckets_ms.map(formatDuration))
    .meta({ description: "Upper bounds of the histograms of durations." }),
  address: operatorAddress("127.0.0.1:9901").optional().meta({
    description:
      "A further address that serves `/metrics` and `/health` alone. One that other machines reach needs `token`.",
  }),
  token: bearerToken().optional().meta({
    description:
      "With it `/metrics` needs `Authorization: Bearer TOKEN` at `address`; it opens nothing else. 32 characters or more.",
  }),
});

export const observability = z.strictObject({
  access_log: accessLog
    .optional()
    .meta({ description: "One line for each request; none without this section." }),
  metrics: metrics.prefault({}).meta({ description: "Prometheus metrics, at the admin address." }),
});

export type ObservabilityConfig = z.output<typeof observability>;
