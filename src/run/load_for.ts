/** Loading while a program serves. */
import { messageOf } from "../core/text/message_of.ts";
import { sharedPlan, sharedValue } from "../core/shared_plan.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { LoadConfiguration, LoadedConfiguration } from "./parts.ts";
import type { SupervisorVitals } from "./status.ts";

/**
 * What `load` gives to a program in this state, with the objects of `acting` for all that is equal there. Never rejects: a
 * defect of the loader must not end one that serves.
 */
export async function loadFor(
  state: SupervisorVitals["state"],
  load: LoadConfiguration,
  acting: Pick<Snapshot, "plan" | "files">,
): Promise<LoadedConfiguration> {
  const refused = (text: string) => ({ plan: null, files: {}, problems: [text], warnings: [] });
  if (state !== "serving") return refused("not serving: a drain has begun");
  try {
    const loaded = await load();
    if (loaded.plan === null) return loaded;
    const plan = sharedPlan(acting.plan, loaded.plan);
    return { ...loaded, plan, files: sharedValue(acting.files, loaded.files) };
  } catch (error) {
    return refused(`the configuration cannot be loaded: ${messageOf(error)}`);
  }
}
