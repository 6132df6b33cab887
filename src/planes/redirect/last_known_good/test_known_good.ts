/** Content for tests of the last known good. */
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { realFiles } from "../../../platform/files.ts";
import { modelOf, stackOf } from "../../../core/redirect/test_decider.ts";
import type { KnownGood } from "./content.ts";
import { DEFAULT_MAX_FILE_BYTES, LastKnownGood, type LastKnownGoodOptions } from "./last_known_good.ts";

export const OPTIONS: Omit<LastKnownGoodOptions, "path"> = {
  ...DEFAULT_REDIRECT.discovery,
  generations: DEFAULT_REDIRECT.generations,
  max_file_bytes: DEFAULT_MAX_FILE_BYTES,
  static_applications: new Set(),
};

export function folderAt(path: string, options: Partial<LastKnownGoodOptions> = {}): LastKnownGood {
  return new LastKnownGood({ ...OPTIONS, path, ...options }, realFiles, new ManualClock());
}

/** Hosts with keys as they register. */
function hostsOf(application: string) {
  const path = `/EU/z1/1.0/${application}`;
  const stack = stackOf("/EU/z1/1.0", "10.0.0.1*7", "10.0.0.2*0", "2001:db8::1");
  return [{ ...stack, hosts: stack.hosts.map((host, index) => ({ ...host, key: `${path}/host:${index}` })) }];
}

/** Two applications with models, one without; every version is `version`. */
export function contentOf(version: number, settings: Partial<KnownGood> = {}): KnownGood {
  const known = { model: modelOf(), version };
  return {
    applications: ["a1", "b/2", "none"],
    models: new Map([
      ["a1", known],
      ["b/2", known],
    ]),
    lists: {
      version,
      lists: [
        {
          name: "macs",
          description: "set-top boxes",
          type: "ENCODED",
          version: 7,
          values: [{ value: "abc", encoded: "900150983CD24FB0D6963F7D28E17F72" }],
        },
      ],
    },
    stacks: new Map([["a1", hostsOf("a1")]]),
    settings: { min_hosts: 2, app_min_hosts: 3, version },
    is_offline: false,
    ...settings,
  };
}
