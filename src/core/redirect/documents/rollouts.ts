/** Rollouts as JSON, `{"rollouts": […]}`, in our own form: the original has none. */
import { z } from "zod";
import type { Rollout } from "../model.ts";

const server = z.strictObject({
  name: z.string(),
  url: z.string(),
  path: z.string().nullable(),
  description: z.string().nullable().prefault(null),
  query: z.array(z.strictObject({ key: z.string(), value: z.string() })).prefault([]),
  not_whitelisted: z.boolean().prefault(false),
  secure_url: z.string().nullable().prefault(null),
});

const rollout = z.strictObject({
  id: z.string().min(1),
  server,
  salt: z.string(),
  steps: z.array(z.number()),
  step: z.int().min(-1),
  since_ms: z.int().min(0),
  bake_ms: z.int().min(0),
  gate: z.strictObject({ max_failing: z.number(), min_samples: z.int() }).nullable().prefault(null),
  allow: z.array(z.string()).prefault([]),
  deny: z.array(z.string()).prefault([]),
  state: z.enum(["running", "paused", "rolled_back", "done"]),
});

const document = z.strictObject({ rollouts: z.array(rollout) });

/** The rollouts of what JSON.parse gave, or why it is no such document, in one sentence. Whether they make sense, checks say. */
export function readRollouts(value: unknown): readonly Rollout[] | string {
  const { data, error } = document.safeParse(value);
  if (data !== undefined) return data.rollouts;
  const { path, message } = error.issues[0]!;
  return `${path.length === 0 ? "the document" : path.join(".")}: ${message}`;
}
