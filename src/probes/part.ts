/** Health of backends as a part of the supervisor, with the machine's clock, chance and names. */
import { realClock } from "../platform/clock.ts";
import { realFiles } from "../platform/files.ts";
import { SystemNames } from "../platform/names_system.ts";
import { probes } from "./all.ts";
import {
  HealthKeeper,
  type HealthEvent,
  type HealthHost,
  type HealthKeeperOptions,
} from "./health_keeper.ts";

/** Makes the part for a supervisor; `report` is told of changes and of names that cannot be resolved, `probed` of results. */
export function healthPart(
  report?: (event: HealthEvent) => void,
  probed?: HealthKeeperOptions["probed"],
): (host: HealthHost) => HealthKeeper {
  return (host) =>
    new HealthKeeper(host, {
      probes,
      names: new SystemNames({ clock: realClock }),
      clock: realClock,
      random: Math.random,
      nextTurn: (run) => void setImmediate(run),
      files: realFiles,
      ...(report === undefined ? {} : { report }),
      ...(probed === undefined ? {} : { probed }),
    });
}
