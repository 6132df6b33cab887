/** One seed: draws a network, backends and clients, lets the real program work between them, and compares the books. */
import { SocketClient } from "../../src/net/listener.ts";
import { ListenerPort } from "../../src/planes/http/listener_port.ts";
import { compareBooks } from "./books.ts";
import { Client, drawRequest } from "./clients.ts";
import { Dice } from "./network.ts";
import { withSabotage, type Sabotage } from "./sabotage.ts";
import { buildWorld, type World } from "./world.ts";

/** Virtual time that the clients of a scenario have, and what is left behind them. */
const MOST_MS = 120_000;
const CLEAN_UP_MS = 30_000;

export interface ScenarioResult {
  /** What was wrong, [] = nothing. */
  readonly faults: readonly string[];
  readonly requests: number;
  /** How many there were of each outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export function runScenario(seed: number, sabotage: Sabotage = "none"): ScenarioResult {
  const { random } = Math;
  const dice = new Dice(seed);
  // Connections draw their share of limits.
  Math.random = () => dice.below(1_000_000) / 1_000_000;
  try {
    return withSabotage(sabotage, () => run(dice, sabotage));
  } finally {
    Math.random = random;
  }
}

function run(dice: Dice, sabotage: Sabotage): ScenarioResult {
  const world = buildWorld(dice, sabotage);
  const { ledger, network } = world;
  try {
    const clients = startClients(world);
    const { clock } = network;
    network.run(() => clients().every(({ isOver }) => isOver), clock.now() + MOST_MS);
    if (!clients().every(({ isOver }) => isOver)) ledger.fault("a client waits for ever");
    network.run(() => isClean(world), clock.now() + CLEAN_UP_MS);
    compareBooks(world);
  } catch (error) {
    ledger.fault(`thrown: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const outcomes: Record<string, number> = {};
  for (const { outcome, answeredBy, arrivals } of ledger.requests) {
    const name = outcome === "answered" ? (answeredBy === "" ? "local" : "backend") : outcome;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    if (arrivals.length > 1) outcomes["repeated"] = (outcomes["repeated"] ?? 0) + 1;
  }
  return { faults: ledger.faults, requests: ledger.requests.length, outcomes };
}

/** Lets clients come, not all of them at once. */
function startClients(world: World): () => readonly (Client | { readonly isOver: boolean })[] {
  const { dice, network, ledger, program, isQuiet } = world;
  const trouble = isQuiet ? 0 : dice.pick([0, 0.1, 0.4]);
  const port = new ListenerPort(program.portHost, "web");
  const clients: (Client | { readonly isOver: boolean })[] = [];
  const count = dice.between(1, 8);
  for (let index = 0; index < count; index++) {
    clients.push({ isOver: false });
    network.after(dice.below(500), () => {
      const [ours, theirs] = network.pair();
      const address = `198.51.100.${index + 1}`;
      const client = new SocketClient({ remoteAddress: address, remotePort: 9 }, address, null, {
        trusts: () => false,
        port: 80,
      });
      if (!port.admit(client)) throw new Error("a client is not let in");
      ours.owner = port.accept(ours, client, null)!;
      ledger.connections++;
      const requests = Array.from({ length: dice.between(1, 8) }, () => {
        const request = drawRequest(dice, ledger.requests.length, address);
        ledger.requests.push(request);
        return request;
      });
      theirs.owner = clients[index] = new Client(network, ledger, theirs, requests, trouble);
    });
  }
  return () => clients;
}

/** Nothing is left of what has been. */
function isClean({ network, program }: World): boolean {
  return network.open.size === 0 && program.portHost.serverHost.wheel.size === 0;
}
