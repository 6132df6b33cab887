/** What the parts of a supervisor know of a plan before it acts. */
import type { Plan } from "../core/plan.ts";
import { NOTHING_CHANGED, type SnapshotDelta } from "../core/snapshot.ts";
import type { SupervisorPart } from "./parts.ts";

/** Tells `parts` that `plan` is about to come. Resolves with what they know of it; rejects when one refuses it. */
export async function announce(parts: readonly SupervisorPart[], plan: Plan): Promise<SnapshotDelta> {
  let found = NOTHING_CHANGED;
  for (const part of parts) {
    const { health, members, overrides, documents } = (await part.planComing?.(plan)) ?? NOTHING_CHANGED;
    found = {
      health: { ...found.health, ...health },
      members: { ...found.members, ...members },
      overrides: { ...found.overrides, ...overrides },
      documents: { ...found.documents, ...documents },
    };
  }
  return found;
}

/** Passes what a worker tells `part` on to those who may be it. */
export function passOn(parts: readonly SupervisorPart[], part: string, message: unknown): void {
  for (const one of parts) one.told?.(part, message);
}
