/** TLS of a connection that we open: a setting that is `true`, `false` or its own files and names. */
import { z } from "zod";
import { inputFile } from "./file_name.ts";
import { isHostName } from "./host.ts";
import { isIp } from "./ip.ts";

/** What differs between those that have the setting. */
export interface ClientTlsTexts {
  readonly ca: string;
  readonly server_name: string;
  readonly verify: string;
}

export function clientTls(texts: ClientTlsTexts) {
  return z.union([
    z.boolean(),
    z.strictObject({
      ca: inputFile().optional().meta({ description: texts.ca }),
      cert: inputFile().optional().meta({ description: "PEM file with our client certificate." }),
      key: inputFile().optional().meta({ description: "PEM file with its key." }),
      server_name: z
        .string()
        .refine((text) => isHostName(text) || isIp(text), { error: "expected a host name or an address" })
        .optional()
        .meta({ description: texts.server_name }),
      verify: z.boolean().optional().meta({ description: texts.verify }),
    }),
  ]);
}
