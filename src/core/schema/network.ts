import type { z } from "zod";
import { formatNetwork, parseNetwork } from "./ip.ts";
import { parsedText } from "./text.ts";

/** A network (CIDR) or a single address; its value is the text with the host bits cleared and the prefix: `10.0.0.0/8`. */
export function network(): z.ZodType<string, string> {
  return parsedText({
    name: "network",
    expected: "an address or a network such as 10.0.0.0/8 or fd00::/8",
    parse: (text) => {
      const parsed = parseNetwork(text);
      return parsed === null ? null : formatNetwork(parsed);
    },
  });
}
