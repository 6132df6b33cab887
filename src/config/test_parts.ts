/** Small parts for tests of the configuration: not the program's real ones. */
import { z } from "zod";
import { duration } from "../core/schema/duration.ts";
import { fieldName, fieldValue } from "../core/schema/field.ts";
import { inputFile } from "../core/schema/file_name.ts";
import { secret } from "../core/schema/secret.ts";
import type { ConfigParts } from "./parts.ts";

const CALL = /^(?:Host|Path|PathPrefix)\(`[^`]*`\)/;

/** Accepts calls joined by `&&`; enough to have rules that are wrong at a known place. */
function checkRule(text: string): null | { column: number; message: string } {
  let at = 0;
  for (;;) {
    const call = CALL.exec(text.slice(at));
    if (call === null) return { column: at + 1, message: "expected a matcher" };
    at += call[0].length;
    if (at === text.length) return null;
    if (!text.startsWith(" && ", at)) return { column: at + 1, message: "expected && or the end" };
    at += 4;
  }
}

export const testParts: ConfigParts = {
  strategies: [
    { name: "round_robin", summary: "One after the other.", schema: z.strictObject({}) },
    {
      name: "consistent_hash",
      summary: "The same key gets the same backend.",
      schema: z.strictObject({
        load_factor: z.number().min(1).prefault(1.25).meta({ description: "Bound of the load." }),
      }),
      keyed: true,
    },
    {
      name: "fixed",
      summary: "Hashes the address.",
      schema: z.strictObject({}),
      keyed: true,
      fixed_key: { kind: "address" },
    },
    {
      name: "needy",
      summary: "Needs an option.",
      schema: z.strictObject({ level: z.int() }),
      can: ["pick"],
    },
  ],
  probes: [
    {
      name: "http",
      summary: "A request.",
      schema: z.strictObject({
        path: z.string().prefault("/").meta({ description: "Target of the request." }),
        headers: z.record(fieldName(), secret()).prefault({}),
      }),
    },
    { name: "tcp", summary: "A connection.", schema: z.strictObject({ send: z.string().optional() }) },
  ],
  stores: [
    {
      name: "shelf",
      summary: "Keeps things.",
      schema: z.strictObject({ folder: z.string().optional().meta({ description: "Where." }) }),
    },
  ],
  middlewares: [
    {
      name: "headers",
      summary: "Sets and removes fields.",
      schema: z.strictObject({ set: z.record(fieldName(), fieldValue()).prefault({}) }),
    },
    {
      name: "basic_auth",
      summary: "Asks for a name and a password.",
      schema: z.strictObject({
        users: z.array(secret()).prefault([]).meta({ description: "`name:hash` for each." }),
        users_file: inputFile().optional(),
        realm: z.string().prefault("fairlead"),
      }),
    },
    {
      name: "delay",
      summary: "Waits.",
      schema: z.strictObject({ time: duration().meta({ description: "How long." }) }),
    },
  ],
  checkRule,
};
