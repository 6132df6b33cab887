/** Loading while a program serves. */
import { messageOf } from "../core/text/message_of.ts";
import type { LoadConfiguration, LoadedConfiguration } from "./parts.ts";
import type { SupervisorVitals } from "./status.ts";

/** What `load` gives to a program in this state. Never rejects: a defect of the loader must not end one that serves. */
export async function loadFor(
  state: SupervisorVitals["state"],
  load: LoadConfiguration,
): Promise<LoadedConfiguration> {
  const refused = (text: string) => ({ plan: null, files: {}, problems: [text], warnings: [] });
  if (state !== "serving") return refused("not serving: a drain has begun");
  try {
    return await load();
  } catch (error) {
    return refused(`the configuration cannot be loaded: ${messageOf(error)}`);
  }
}
