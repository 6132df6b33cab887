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
