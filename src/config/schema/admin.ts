/** `admin:` where the running program takes orders, and from whom. */
import { z } from "zod";
import { DEFAULT_ADMIN_ADDRESS } from "../../core/defaults.ts";
import { isHostName } from "../../core/schema/host.ts";
import { isLocalAddress, parseListenAddress } from "../../core/schema/listen_address.ts";
import { secret } from "../../core/schema/secret.ts";

/** 128 bits in hexadecimal digits: too many to guess, whatever the rate. */
const MIN_TOKEN_LENGTH = 32;
const MAX_TOKEN_LENGTH = 512;

/** The token of an `Authorization: Bearer` field: the characters of RFC 6750 2.1. */
export function bearerToken(): z.ZodString {
  const error = `expected a token of ${MIN_TOKEN_LENGTH} to ${MAX_TOKEN_LENGTH} characters: letters, digits and - . _ ~ + / =`;
  return secret().refine(
    (text) =>
      // What cannot be resolved has been told already.
      /^file:|\$\{/.test(text) ||
      (text.length >= MIN_TOKEN_LENGTH &&
        text.length <= MAX_TOKEN_LENGTH &&
        /^[A-Za-z0-9._~+/-]+=*$/.test(text)),
    { error },
  );
}

/** An address for operators; beyond this machine it needs a token, which another check looks for. */
export function operatorAddress(example: string): z.ZodString {
  const error = `expected an address such as ${example}, [::1]:9900, :9900 or unix:/run/fairlead/admin.sock`;
  return z.string({ error }).refine(
    (text) => {
      const address = parseListenAddress(text);
      // A name would have to be resolved, and might lead elsewhere tomorrow.
      return (
        address !== null && (isLocalAddress(address) || address.kind === "unix" || isAddress(address.host))
      );
    },
    { error },
  );
}

const isAddress = (host: string): boolean => host.includes(":") || /^\d+(?:\.\d+){3}$/.test(host);

export const admin = z.strictObject({
  address: operatorAddress("127.0.0.1:9900").prefault(DEFAULT_ADMIN_ADDRESS).meta({
    description:
      "Where the admin API, `/health` and `/metrics` are served. An address that other machines reach needs `token`.",
  }),
  token: bearerToken().optional().meta({
    description:
      "With it every request but `/health` needs `Authorization: Bearer TOKEN`, on loopback too. 32 characters or more.",
  }),
  hosts: z
    .array(
      z
        .string({ error: "expected a host name" })
        .refine((text) => isHostName(text), { error: "expected a host name such as lb1.example.com" })
        .toLowerCase(),
    )
    .prefault([])
    .meta({
      description:
        "Names, beside `localhost` and IP addresses, by which this machine's admin and metrics addresses may be asked for.",
    }),
});

export type AdminConfig = z.output<typeof admin>;
