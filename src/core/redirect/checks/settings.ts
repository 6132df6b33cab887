/** Checks of the settings that all applications share. */
import type { RedirectSettings } from "../documents/service_documents.ts";
import { type Problem, problemAt } from "./problem.ts";

export function settingsProblems(settings: RedirectSettings): Problem[] {
  return (["min_hosts", "app_min_hosts"] as const)
    .filter((name) => !Number.isInteger(settings[name]) || settings[name] < 0)
    .map((name) =>
      problemAt(
        "MinHostsInvalid",
        { path: `settings.${name}`, rule: null, words: `the setting ${name}` },
        `is ${settings[name]}; expected a whole number of at least 0`,
      ),
    );
}

/** Before anybody has set any: what a model of one host fulfils. */
export const DEFAULT_SETTINGS: RedirectSettings = { min_hosts: 1, app_min_hosts: 1, version: 0 };

/** The original's flagship has a setting of its own. */
const FLAGSHIP = "xreGuide";

/** The fewest hosts that a model of this application must have. */
export function minHostsOf({ min_hosts, app_min_hosts }: RedirectSettings, app: string): number {
  return app === FLAGSHIP ? min_hosts : app_min_hosts;
}
