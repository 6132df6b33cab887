/** What the commands of `fairlead hosts` have in common. */
import { DEFAULT_CONFIG_FILE } from "../command.ts";
import type { HostsChoice } from "./hosts_plan.ts";

export const CHOICE_OPTIONS = {
  config: { type: "string", short: "c", default: DEFAULT_CONFIG_FILE },
  set: { type: "string", multiple: true, default: [] as string[] },
  "state-dir": { type: "string" },
  "hosts-file": { type: "string" },
} as const;

export const CHOICE_HELP = `  -c, --config FILE      a configuration with a section hosts, or the original's config.yml (default: ${DEFAULT_CONFIG_FILE})
      --hosts-file FILE  another hosts file than the configuration says
      --set PATH=VALUE   set one value, as in --set hosts.dry_run=true
      --state-dir DIR    keep state in DIR (default: /var/lib/fairlead-hosts)
`;

export interface ChoiceValues {
  readonly config: string;
  readonly set: readonly string[];
  readonly "state-dir"?: string | undefined;
  readonly "hosts-file"?: string | undefined;
}

export function choiceOf(values: ChoiceValues): HostsChoice {
  const { config: file, set, "state-dir": stateDirectory, "hosts-file": hostsFile } = values;
  return { file, set, stateDirectory, hostsFile };
}
