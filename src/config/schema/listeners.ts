/** `listeners:` local addresses and what is spoken there. */
import { z } from "zod";
import { DEFAULT_BACKLOG } from "../../core/defaults.ts";
import { inputFile } from "../../core/schema/file_name.ts";
import { isHostName } from "../../core/schema/host.ts";
import { listenAddress } from "../../core/schema/listen_address.ts";
import { network } from "../../core/schema/network.ts";
import { parsedText, textOrNumber } from "../../core/schema/text.ts";

const tlsVersion = (): z.ZodType<"1.2" | "1.3", string | number> =>
  textOrNumber(z.enum(["1.2", "1.3"]), { enum: [1.2, 1.3] });

/** `*.example.com` or a host name, in lower case and without a final dot. */
const serverName = (): z.ZodType<string, string> =>
  parsedText({
    name: "server name",
    expected: "a name such as example.com or *.example.com",
    parse: (text) => {
      const name = text.toLowerCase().replace(/\.$/, "");
      return isHostName(name.replace(/^\*\./, "")) ? name : null;
    },
  });

const tlsOptionShape = {
  min_version: tlsVersion().meta({ description: "Lowest version of TLS." }),
  max_version: tlsVersion().meta({ description: "Highest version of TLS." }),
  ciphers: z
    .string()
    .meta({ description: "OpenSSL cipher list for TLS 1.2; empty = the list of the runtime." }),
  curves: z.string().meta({ description: "Groups such as `X25519:P-256`; empty = the list of the runtime." }),
  client_auth: z
    .enum(["none", "request", "require_any", "verify_if_given", "require_and_verify"])
    .meta({ description: "Whether a client certificate is asked for, needed and verified." }),
  client_ca: inputFile().meta({
    description: "PEM file with the authorities that client certificates are verified by.",
  }),
};

const certificate = z.strictObject({
  cert: inputFile().meta({ description: "PEM file with the certificate and its chain." }),
  key: inputFile().meta({ description: "PEM file with the private key." }),
  names: z
    .array(serverName())
    .prefault([])
    .meta({ description: "Names (SNI) that get this certificate; empty = the names in the certificate." }),
  min_version: tlsOptionShape.min_version.optional(),
  max_version: tlsOptionShape.max_version.optional(),
  ciphers: tlsOptionShape.ciphers.optional(),
  curves: tlsOptionShape.curves.optional(),
  client_auth: tlsOptionShape.client_auth.optional(),
  client_ca: tlsOptionShape.client_ca.optional(),
});

const listenerTls = z.strictObject({
  certificates: z
    .array(certificate)
    .min(1)
    .meta({ description: "The first one is the default. Options of one entry are for its names only." }),
  min_version: tlsOptionShape.min_version.prefault("1.2"),
  max_version: tlsOptionShape.max_version.prefault("1.3"),
  ciphers: tlsOptionShape.ciphers.prefault(""),
  curves: tlsOptionShape.curves.prefault(""),
  client_auth: tlsOptionShape.client_auth.prefault("none"),
  client_ca: tlsOptionShape.client_ca.optional(),
  strict_sni: z.boolean().prefault(false).meta({
    description: "Refuse handshakes for names without a certificate instead of serving the default one.",
  }),
  session_tickets: z
    .boolean()
    .prefault(true)
    .meta({ description: "Let clients resume sessions by tickets." }),
});

/** What every listener may have, whatever section opens it. */
export const listenerOptionShape = {
  mode: z
    .string({ error: 'expected rights in quotes such as "0660"' })
    .regex(/^0?[0-7]{3}$/, { error: 'expected rights in quotes such as "0660"' })
    .optional()
    .meta({ description: 'Rights of a unix socket, in quotes: `"0660"`.' }),
  user: z.string().optional().meta({ description: "Owner of a unix socket." }),
  group: z.string().optional().meta({ description: "Group of a unix socket." }),
  backlog: z
    .int()
    .min(1)
    .max(65_535)
    .prefault(DEFAULT_BACKLOG)
    .meta({ description: "Connections that wait to be accepted, at most." }),
  defer_accept: z.boolean().prefault(true).meta({
    description:
      "Let the kernel keep a TCP connection until its first byte is there (at most about 1 s): fewer wakeups per connection.",
  }),
  tls: listenerTls.optional().meta({ description: "With this section the listener speaks TLS." }),
  proxy_protocol: z
    .strictObject({
      trusted: z
        .array(network())
        .min(1)
        .meta({ description: "Peers that must send a PROXY protocol header (v1 or v2)." }),
    })
    .optional()
    .meta({ description: "Expect the PROXY protocol." }),
  trusted_proxies: z
    .array(network())
    .prefault([])
    .meta({ description: "Peers whose Forwarded and X-Forwarded-* fields are believed." }),
  half_closed_clients: z.enum(["serve", "abort"]).prefault("serve").meta({
    description:
      "A client that sends no more while its request is at work: still answer it, or take it as gone.",
  }),
};

export const listener = z.strictObject({
  address: listenAddress().meta({
    description: "`:8080` (IPv6 and IPv4), `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`.",
  }),
  protocol: z.enum(["http"]).prefault("http").meta({ description: "What is spoken there." }),
  ...listenerOptionShape,
});

export type ListenerConfig = z.output<typeof listener>;
export type ListenerTlsConfig = NonNullable<ListenerConfig["tls"]>;
