/** What another model would change for clients that were seen: how many would go elsewhere, and from where to where. */
import { contextOf } from "../context.ts";
import type { Decider } from "../decider.ts";

export interface ReplayReport {
  readonly clients: number;
  readonly changed: number;
  /** By the targets before and after, most first. */
  readonly moves: readonly { readonly from: string; readonly to: string; readonly clients: number }[];
}

/** Clients that are decided for between two steps: some 0.2 ms of work. */
const STEP_CLIENTS = 100;

/**
 * Both decide for each client. Compared is where to in the words of the model (literal URL, or stack-independent flavor with what leads
 * there), not which host has its turn, so the report is the same each time. In steps.
 */
export function* replaySlices(
  before: Decider,
  after: Decider,
  clients: Iterable<Readonly<Record<string, string>>>,
): Generator<void, ReplayReport> {
  const moves = new Map<string, { readonly from: string; readonly to: string; clients: number }>();
  let [count, changed] = [0, 0];
  for (const client of clients) {
    if (count++ % STEP_CLIENTS === 0) yield;
    const [from, to] = [targetOf(before, client), targetOf(after, client)];
    if (from === to) continue;
    changed++;
    const key = `${from}\0${to}`;
    const move = moves.get(key) ?? { from, to, clients: 0 };
    move.clients++;
    moves.set(key, move);
  }
  const sorted = [...moves.values()].toSorted(
    (one, other) => other.clients - one.clients || (one.from + one.to < other.from + other.to ? -1 : 1),
  );
  return { clients: count, changed, moves: sorted };
}

function targetOf(decider: Decider, client: Readonly<Record<string, string>>): string {
  const decision = decider.decide(contextOf(client));
  if (typeof decision === "string") return decision;
  const { flavor, rule, type, locations } = decision;
  const where = flavor ?? locations[0]!.url;
  return `${where} (${rule === null ? type : `rule ${rule}`})`;
}
