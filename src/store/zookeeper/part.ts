/** ZooKeeper, as configurations name it. */
import { z } from "zod";
import { clientTls } from "../../core/schema/client_tls.ts";
import { duration } from "../../core/schema/duration.ts";
import { parseHostPort } from "../../core/schema/host.ts";
import { secret } from "../../core/schema/secret.ts";
import { size } from "../../core/schema/size.ts";
import { messageOf } from "../../core/text/message_of.ts";
import type { StoreEnvironment, StorePart } from "../contract.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { StoreRefused } from "../errors.ts";
import { baseOption } from "../base_option.ts";
import type { ServerName } from "./servers.ts";
import { ZookeeperStore, type ZookeeperTls } from "./store.ts";

const DEFAULTS = DEFAULT_STORE.zookeeper;
const SMALLEST_FRAME_BYTES = 65_536;

function servers(text: string): ServerName[] | null {
  const found = text.split(",").map((server) => parseHostPort(server.trim(), false));
  return found.every((server) => server !== null && server.port > 0) ? (found as ServerName[]) : null;
}

const tls = clientTls({
  ca: "PEM file with authorities; default: the system's.",
  server_name: "Name that is sent (SNI) and verified; default: the server's host.",
  verify: "Verify the servers' certificates.",
});

const schema = z.strictObject({
  connect: z
    .string({ error: "expected servers such as zk1:2181,zk2:2181" })
    .refine((text) => servers(text) !== null, {
      error: "expected servers such as zk1:2181,zk2:2181; what stands behind a / there belongs to base",
    })
    .meta({ description: "The servers, `host:port` with commas between. They are tried in a random order." }),
  base: baseOption(),
  session_timeout: duration()
    .prefault(`${DEFAULTS.session_timeout_ms}ms`)
    .meta({ description: "How long registrations outlive a lost connection. The server may set another." }),
  connect_timeout: duration()
    .prefault(`${DEFAULTS.connect_timeout_ms}ms`)
    .meta({ description: "For the connection to one server; then the next is tried." }),
  request_timeout: duration()
    .prefault(`${DEFAULTS.request_timeout_ms}ms`)
    .meta({ description: "A request without answer for so long ends the connection." }),
  max_frame_bytes: size()
    .prefault(DEFAULTS.max_frame_bytes)
    .refine((bytes) => bytes >= SMALLEST_FRAME_BYTES, { error: "expected at least 64KiB" })
    .meta({
      description: "The servers' `jute.maxbuffer`: larger requests are refused before they are sent.",
    }),
  login: z
    .strictObject({
      user: z
        .string()
        .regex(/^[^:]+$/, { error: "expected a name without :" })
        .meta({ description: "Name of the user." }),
      password: secret().meta({ description: "Its password." }),
    })
    .optional()
    .meta({ description: "Logs in by the scheme `digest`." }),
  acl: z
    .enum(["open", "creator"])
    .prefault("open")
    .meta({ description: "Who may use nodes that are made: everybody, or only who logs in like this." }),
  tls: tls.optional().meta({ description: "`true`, `false` or settings; default: no TLS." }),
});

type ZookeeperOptions = z.output<typeof schema>;

function pemTexts(option: ZookeeperOptions["tls"], { readFile }: StoreEnvironment): ZookeeperTls | null {
  if (option === undefined || option === false) return null;
  const { ca, cert, key, server_name = null, verify = true } = option === true ? {} : option;
  const text = (path: string | undefined) => (path === undefined ? null : readFile(path));
  return { ca: text(ca), cert: text(cert), key: text(key), server_name, verify };
}

export const zookeeper: StorePart<ZookeeperOptions> = {
  name: "zookeeper",
  summary: "ZooKeeper 3.4 or later, for programs on several machines.",
  schema,
  open(options, environment) {
    const { login, acl } = options;
    if (acl === "creator" && login === undefined)
      throw new StoreRefused("acl: creator needs a login: else nobody could use what is made");
    try {
      return new ZookeeperStore(
        {
          servers: servers(options.connect)!,
          base: options.base,
          session_timeout_ms: options.session_timeout,
          connect_timeout_ms: options.connect_timeout,
          request_timeout_ms: options.request_timeout,
          max_frame_bytes: options.max_frame_bytes,
          login: login ?? null,
          acl,
          tls: pemTexts(options.tls, environment),
        },
        environment,
      );
    } catch (error) {
      throw new StoreRefused(messageOf(error));
    }
  },
};
