import type { Strategy } from "./contract.ts";
import { MaglevPicker } from "./maglev_picker.ts";

/** Consistent hashing of the client's address, without a bound: a client leaves its backend only when that is lost. */
export const ipHash: Strategy<object> = {
  name: "ip_hash",
  summary: "Sends each client address to the same backend for as long as that can take requests.",
  can: ["pick", "table", "order"],
  keyed: true,
  spreads_by: null,
  fixed_key: { kind: "address" },
  create: (candidates, _options, _random, previous) => new MaglevPicker(candidates, 0, previous),
};
