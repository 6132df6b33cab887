/** `hosts:` names in the hosts file, and what serves them. */
import { z } from "zod";
import { DEFAULT_HOOK_TIMEOUT_MS, DEFAULT_HOSTS_FILE, DEFAULT_HOSTS_TTL_MS } from "../../core/defaults.ts";
import { duration, formatDuration } from "../../core/schema/duration.ts";
import { outputFile } from "../../core/schema/file_name.ts";
import { isHostName, parseHostPort } from "../../core/schema/host.ts";
import { parseIp } from "../../core/schema/ip.ts";
import { isLoopbackIp } from "../../core/schema/listen_address.ts";
import { name } from "../../core/schema/name.ts";
import { parsedText } from "../../core/schema/text.ts";

/** More names than a hosts file serves well: every look-up reads all of it. */
const MAX_NAMES = 10_000;
export const MAX_ALIASES = 32;
export const MAX_ENTRIES = 16;
export const MAX_HOOKS = 8;

const HOST_NAME = "expected a host name such as db.example.internal";
/** A name of the hosts file: compared without regard to case, so kept in lower case. */
const hostName = () =>
  z
    .string({ error: HOST_NAME })
    .refine((text) => isHostName(text) && !text.endsWith("."), { error: HOST_NAME })
    .toLowerCase();

const ADDRESS = "expected an IPv4 or IPv6 address";
const ipAddress = () =>
  z.string({ error: ADDRESS }).refine((text) => parseIp(text) !== null, { error: ADDRESS });

const FAILBACK = "expected never, immediate or { after: 30s }";
const failback = z
  .union([z.enum(["never", "immediate"]), z.strictObject({ after: duration() })], { error: FAILBACK })
  .prefault("never")
  .meta({
    description:
      "Whether a better backend that is healthy again is taken while the one in use serves: `never`, `immediate`, or `{ after: 30s }` of health without a break.",
  });

const ON_ALL_DOWN = "expected keep, remove or { last_resort: ADDRESS }";
const onAllDown = z
  .union([z.enum(["keep", "remove"]), z.strictObject({ last_resort: ipAddress() })], { error: ON_ALL_DOWN })
  .prefault("keep")
  .meta({
    description:
      "When every backend has failed `unhealthy_after` times: `keep` the last address, `remove` the name, or write a `last_resort` address.",
  });

const hostsName = z.strictObject({
  name: hostName().meta({ description: "The name that leads to a healthy backend." }),
  aliases: z
    .array(hostName())
    .max(MAX_ALIASES)
    .prefault([])
    .meta({ description: "Further names on the same line." }),
  pool: name().meta({
    description: "The pool whose backends are meant; it needs a `health_check`, which all its names share.",
  }),
  family: z.enum(["ipv4", "ipv6", "both"]).prefault("ipv4").meta({
    description: "Which addresses are written; `both` writes a line for each.",
  }),
  failover: z.enum(["best", "next"]).prefault("best").meta({
    description:
      "Which backend follows one that has died: the first healthy one in the order of the pool's strategy, or the next one behind it.",
  }),
  failback,
  on_all_down: onAllDown,
  max_entries: z.int().min(1).max(MAX_ENTRIES).prefault(1).meta({
    description: "Addresses of healthy backends that are written, best first, for clients that try several.",
  }),
});

const HOOK = "expected a command as a list, its program with an absolute path";
const hook = z.strictObject({
  command: z
    .array(z.string())
    .min(1, { error: HOOK })
    .refine(([program]) => program?.startsWith("/") === true, { error: HOOK })
    .meta({ description: "Program with its absolute path, and arguments. No shell reads it." }),
  timeout: duration()
    .refine((value) => value > 0, { error: "expected a time above 0" })
    .prefault(formatDuration(DEFAULT_HOOK_TIMEOUT_MS))
    .meta({ description: "A command that takes longer is killed." }),
});

const socketAddress = (expected: string, mayBe: (host: string) => boolean) =>
  parsedText({
    name: "address",
    expected,
    parse(text) {
      const parsed = parseHostPort(text, false);
      return parsed !== null && parseIp(parsed.host) !== null && mayBe(parsed.host) ? parsed : null;
    },
  });

const dns = z.strictObject({
  address: socketAddress(
    "an address of this machine alone, such as 127.0.0.1:53 or [::1]:5353",
    isLoopbackIp,
  ).meta({
    description: "Where the names are served by DNS too, over UDP and TCP; a loopback address.",
  }),
  ttl: duration()
    .refine((value) => value >= 1_000 && value <= 3_600_000, { error: "expected 1s to 1h" })
    .prefault(formatDuration(DEFAULT_HOSTS_TTL_MS))
    .meta({ description: "How long clients may keep an answer." }),
  upstream: z
    .array(socketAddress("the address of a name server, such as 192.0.2.53:53", () => true))
    .max(8)
    .prefault([])
    .meta({ description: "Name servers that are asked for other names; without any these are refused." }),
});

export const hosts = z.strictObject({
  file: outputFile().prefault(DEFAULT_HOSTS_FILE).meta({ description: "The hosts file." }),
  write: z.enum(["auto", "rename", "in_place"]).prefault("auto").meta({
    description:
      "How it is written: a new file takes its place (`rename`), or its content is written over (`in_place`), which a file that is mounted into a container needs. `auto` finds out.",
  }),
  allowed_roots: z.array(outputFile()).optional().meta({
    description: "Folders in which the file behind a symbolic link may stand; default: the link's own.",
  }),
  create: z.boolean().prefault(false).meta({ description: "Make the file where it is missing." }),
  dry_run: z
    .boolean()
    .prefault(false)
    .meta({ description: "Write nothing, and only tell what would be written." }),
  on_stop: z.enum(["keep", "remove"]).prefault("keep").meta({
    description: "What becomes of the names when the program ends.",
  }),
  names: z.array(hostsName).max(MAX_NAMES).prefault([]).meta({ description: "The names." }),
  resolve_interval: duration()
    .refine((value) => value > 0, { error: "expected a time above 0" })
    .optional()
    .meta({
      description:
        "Names of backends are looked up again after this time at the latest; default: when their time to live is over, within 5m.",
    }),
  hooks: z.array(hook).max(MAX_HOOKS).prefault([]).meta({
    description: "Commands that are run after a name has got another address.",
  }),
  dns: dns.optional().meta({ description: "Serve the names by DNS as well; not without this section." }),
});

export type HostsConfig = z.output<typeof hosts>;
