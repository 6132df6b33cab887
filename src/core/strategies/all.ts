/** Every strategy, the default first. */
import { consistentHash } from "./consistent_hash.ts";
import type { Strategy } from "./contract.ts";
import { ipHash } from "./ip_hash.ts";
import { leastConnections } from "./least_connections.ts";
import { leastTime } from "./least_time.ts";
import { powerOfTwoChoices } from "./power_of_two_choices.ts";
import { rendezvous } from "./rendezvous.ts";
import { roundRobin } from "./round_robin.ts";
import { sequential } from "./sequential.ts";
import { weightedRandom } from "./weighted_random.ts";

export const strategies: readonly Strategy[] = [
  roundRobin as Strategy,
  weightedRandom as Strategy,
  sequential as Strategy,
  leastConnections as Strategy,
  leastTime as Strategy,
  powerOfTwoChoices as Strategy,
  ipHash as Strategy,
  consistentHash as Strategy,
  rendezvous as Strategy,
];

/** The strategy with this name, or undefined. */
export function strategyByName(name: string): Strategy | undefined {
  return strategies.find((strategy) => strategy.name === name);
}
