/** Zones: rooms, racks, regions, whatever lies near each other. */
import { z } from "zod";

/** The name of a zone. */
export function zone(): z.ZodString {
  return z.string().min(1).meta({ type_name: "zone" });
}
