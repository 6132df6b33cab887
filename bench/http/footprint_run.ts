/** The measurements without load, peer by peer and round by round. */
import type { Footprint } from "./cells.ts";
import type { Context } from "./context.ts";
import { coldStart, idleConnections, idleMemory } from "./footprint.ts";
import type { FoundPeer } from "./programs.ts";
import type { FootprintResult, IdleConnections } from "./result.ts";
import type { PeerSettings } from "./running_peer.ts";

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const describeIdle = ({ bytesPerConnection, connections }: IdleConnections): string =>
  `${bytesPerConnection.toFixed(0)} bytes per connection of ${connections}`;

/** Memory hardly varies, and 10,000 connections take their time. */
const MAX_ROUNDS: Readonly<Record<Footprint, number>> = {
  "cold-start": Infinity,
  "idle-memory": Infinity,
  "idle-plain": 3,
  "idle-tls": 3,
};

type Measure = (found: FoundPeer, settings: PeerSettings, result: FootprintResult) => Promise<string>;

const MEASURES: Readonly<Record<Footprint, Measure>> = {
  async "cold-start"(found, settings, result) {
    const milliseconds = await coldStart(found, settings);
    result.coldStartMs.push(milliseconds);
    return `${milliseconds.toFixed(0)} ms to the first answer`;
  },
  async "idle-memory"(found, settings, result) {
    const { rssBytes, workerRssBytes } = await idleMemory(found, settings);
    result.rssBytes.push(rssBytes);
    result.workerRssBytes.push(workerRssBytes);
    return `${mebibytes(workerRssBytes)} worker, ${mebibytes(rssBytes)} all`;
  },
  async "idle-plain"(found, settings, result) {
    const idle = await idleConnections(found, settings, false);
    result.idlePlain.push(idle);
    return describeIdle(idle);
  },
  async "idle-tls"(found, settings, result) {
    const idle = await idleConnections(found, settings, true);
    result.idleTls.push(idle);
    return describeIdle(idle);
  },
};

/** Results by name of peer. What goes wrong is added to `problems`; the rest goes on. */
export async function runFootprints(
  { options, settings, say }: Context,
  found: readonly FoundPeer[],
  problems: string[],
): Promise<Record<string, FootprintResult>> {
  const results: Record<string, FootprintResult> = {};
  for (const { peer } of found)
    results[peer.name] = { coldStartMs: [], workerRssBytes: [], rssBytes: [], idlePlain: [], idleTls: [] };
  for (const footprint of options.footprints) {
    say(`\n${footprint}`);
    const rounds = Math.min(options.rounds, MAX_ROUNDS[footprint]);
    for (let round = 0; round < rounds; round++) {
      for (const each of found) {
        const { name, label } = each.peer;
        const text = await MEASURES[footprint](each, settings, results[name]!).catch((error: Error) => {
          problems.push(`${footprint}, ${label}: ${error.message}`);
          return error.message;
        });
        say(`  ${round + 1}/${rounds} ${label.padEnd(9)} ${text}`);
      }
    }
  }
  return results;
}
