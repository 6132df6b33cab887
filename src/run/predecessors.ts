/**
 * Processes that serve already when a supervisor starts: workers whose supervisor has died, or a supervisor that is to be
 * replaced, with its workers. They give what they have to the new one, which takes their sockets over, starts workers of
 * its own on them, and then relieves them: they finish what is under way and end.
 */
import { messageOf } from "../core/text/message_of.ts";
import type { CounterKeeper } from "../core/worker_program.ts";
import type { LiveRegion } from "../observe/metrics_keeper.ts";
import { LineClient } from "../platform/line_client.ts";
import { identify, isAlive, type ProcessIdentity } from "../platform/processes.ts";
import { mapRegion } from "../platform/shared_memory.ts";
import type { InheritedLimits } from "./counter_regions.ts";
import { closeDescriptor } from "../platform/sockets.ts";
import { HAND_OVER, REFUSE, RELIEVE, type HandedOver, type HandOverRequest } from "./hand_over.ts";
import { controlSocketPath, workerSocketPath } from "./runtime_directory.ts";

/** A predecessor that has not answered by then is stuck: it is left to finish what it has. */
const ANSWER_LIMIT_MS = 5_000;
/** How often it is looked whether they live. */
const LOOK_MS = 100;

/** A listening socket of a predecessor. */
export interface InheritedSocket {
  /** `listenerKey` of its address. */
  readonly key: string;
  readonly fd: number;
}

interface Predecessor {
  readonly identity: ProcessIdentity;
  /** Counters that it writes to. */
  readonly regions: readonly LiveRegion[];
  /** Where it takes orders; null = it has a supervisor that gives them, or does not answer. */
  readonly client: LineClient | null;
  /** Somebody else tells it to go, or has told it. */
  readonly supervised: boolean;
}

export interface PredecessorEvents {
  /** The new workers accept; the predecessors are about to be told. */
  relieving(): void;
  /** It has ended. */
  gone(pid: number): void;
  /** It cannot be asked, and will end without handing anything over. */
  silent(pid: number, why: string): void;
}

export class Predecessors {
  readonly #keeper: CounterKeeper;
  readonly #events: PredecessorEvents;
  readonly #living = new Set<Predecessor>();
  #looking: Timer | null = null;
  #supervisorPid = 0;

  constructor(keeper: CounterKeeper, events: PredecessorEvents) {
    this.#keeper = keeper;
    this.#events = events;
  }

  get pids(): readonly number[] {
    return [...this.#living].map(({ identity }) => identity.pid);
  }

  /** Pid of a supervisor among them that lives still, 0 = none. */
  get supervisor(): number {
    for (const { identity } of this.#living)
      if (identity.pid === this.#supervisorPid && isAlive(identity)) return identity.pid;
    return 0;
  }

  /** Counters that they still write to. */
  *counters(): Generator<LiveRegion> {
    for (const { regions } of this.#living) yield* regions;
  }

  /** Asks workers without a supervisor for what they have. Sockets and limits then belong to the caller. */
  async adoptWorkers(
    directory: string,
    workers: readonly ProcessIdentity[],
  ): Promise<{ sockets: InheritedSocket[]; limits: InheritedLimits | null }> {
    const adopted = await Promise.all(
      workers.map(async (identity) => {
        let client: LineClient | null = null;
        try {
          client = new LineClient(workerSocketPath(directory, identity.pid));
          const { handed, descriptors } = await ask(client);
          const { sockets, regions, limits } = shares(handed, descriptors);
          this.#add(identity, regions.get(identity.pid) ?? [], client, handed.supervised);
          return { sockets, limits };
        } catch (error) {
          client?.close();
          this.#add(identity, [], null, false);
          this.#events.silent(identity.pid, messageOf(error));
          return { sockets: [], limits: null };
        }
      }),
    );
    // All of them count in the same one, unless a reload has changed the layout and some have drained since.
    const [limits = null, ...others] = adopted.map(({ limits }) => limits).filter((found) => found !== null);
    for (const { region } of others) closeDescriptor(region.fd);
    return { sockets: adopted.flatMap(({ sockets }) => sockets), limits };
  }

  /**
   * Counts those of `workers` as well that were relieved already by the supervisor before: they drain, with a supervisor
   * that was itself relieved or with none.
   */
  async countRelieved(directory: string, workers: readonly ProcessIdentity[]): Promise<void> {
    const known = new Set(this.pids);
    const others = workers.filter(({ pid }) => !known.has(pid));
    const silent = new Predecessors(this.#keeper, { ...this.#events, silent() {} });
    const { sockets, limits } = await silent.adoptWorkers(directory, others);
    for (const { fd } of sockets) closeDescriptor(fd);
    if (limits !== null) closeDescriptor(limits.region.fd);
    for (const predecessor of silent.#living)
      if (predecessor.client !== null) this.#living.add({ ...predecessor, supervised: true });
  }

  /**
   * Asks the supervisor of `directory` for what it and its workers have. Throws Error when there is none, or it refuses.
   * Sockets and limits then belong to the caller.
   */
  async adoptSupervisor(
    directory: string,
  ): Promise<{ generation: number; sockets: InheritedSocket[]; limits: InheritedLimits | null }> {
    let client: LineClient;
    try {
      client = new LineClient(controlSocketPath(directory));
    } catch (error) {
      throw new Error(`no supervisor to take over from in runtime_dir ${directory} (${messageOf(error)})`, {
        cause: error,
      });
    }
    try {
      const { handed, descriptors } = await ask(client);
      const { sockets, regions, limits } = shares(handed, descriptors);
      const { pid, generation } = handed;
      for (const [worker, counters] of regions)
        if (worker !== pid) this.#add(identify(worker), counters, null, true);
      this.#add(identify(pid), regions.get(pid) ?? [], client, false);
      this.#supervisorPid = pid;
      return { generation, sockets, limits };
    } catch (error) {
      client.close();
      throw new Error(`the running supervisor hands nothing over: ${messageOf(error)}`, { cause: error });
    }
  }

  #add(
    identity: ProcessIdentity | null,
    regions: readonly LiveRegion[],
    client: LineClient | null,
    supervised: boolean,
  ): void {
    if (identity !== null) this.#living.add({ identity, regions, client, supervised });
    else for (const { layout, values } of regions) this.#keeper.retire(layout, values);
  }

  /** Our own workers accept on the addresses of `held`: the predecessors may go. */
  relieve(held: readonly string[]): void {
    this.#events.relieving();
    for (const predecessor of this.#living) tellRelieved(predecessor, held);
    if (this.#living.size > 0) this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    for (const predecessor of this.#living) {
      const { identity, regions, client } = predecessor;
      if (isAlive(identity)) continue;
      this.#living.delete(predecessor);
      client?.close();
      for (const { layout, values } of regions) this.#keeper.retire(layout, values);
      this.#events.gone(identity.pid);
    }
    if (this.#living.size > 0 || this.#looking === null) return;
    clearInterval(this.#looking);
    this.#looking = null;
  }

  /** Resolves when none lives that was relieved. */
  async ended(): Promise<void> {
    while (this.#looking !== null) {
      await Bun.sleep(LOOK_MS / 4);
      this.#look();
    }
  }

  /** Ends them at once. */
  kill(): void {
    for (const { identity } of this.#living) if (isAlive(identity)) process.kill(identity.pid, "SIGKILL");
  }

  /** The start was refused: they serve on. */
  release(problems: readonly string[]): void {
    for (const { client } of this.#living) {
      try {
        client?.say(JSON.stringify({ command: REFUSE, problems } satisfies HandOverRequest));
      } catch {
        // It sees that we are gone.
      }
      client?.close();
    }
    this.#living.clear();
  }
}

function tellRelieved({ identity, client, supervised }: Predecessor, held: readonly string[]): void {
  if (supervised) return;
  try {
    if (client === null) throw new Error("it does not answer");
    client.say(JSON.stringify({ command: RELIEVE, held } satisfies HandOverRequest));
  } catch {
    // One that has handed nothing over filters and empties its sockets by itself; the sockets of others are ours too.
    if (isAlive(identity)) process.kill(identity.pid, client === null ? "SIGTERM" : "SIGKILL");
  }
}

interface Answer {
  readonly handed: HandedOver;
  readonly descriptors: readonly number[];
}

async function ask(client: LineClient): Promise<Answer> {
  client.say(JSON.stringify({ command: HAND_OVER } satisfies HandOverRequest));
  const answer = await client.next(ANSWER_LIMIT_MS);
  if (answer === null) throw new Error("it gives no answer");
  const handed = JSON.parse(answer.text) as HandedOver | { readonly ok: false; readonly error: string };
  if (handed.ok) return { handed, descriptors: answer.descriptors };
  for (const fd of answer.descriptors) closeDescriptor(fd);
  throw new Error(handed.error);
}

interface Shares {
  readonly sockets: InheritedSocket[];
  readonly regions: ReadonlyMap<number, LiveRegion[]>;
  readonly limits: InheritedLimits | null;
}

/** Joins an answer with its descriptors: sockets, regions by pid, limits. Throws Error when their numbers differ. */
function shares({ sockets, regions, limits }: HandedOver, descriptors: readonly number[]): Shares {
  const expected = sockets.length + regions.length + limits.length;
  if (descriptors.length !== expected) {
    for (const fd of descriptors) closeDescriptor(fd);
    throw new Error(`it sent ${descriptors.length} descriptors instead of ${expected}`);
  }
  const counters = descriptors.slice(sockets.length, sockets.length + regions.length);
  const byPid = new Map<number, LiveRegion[]>();
  for (const [index, { pid, layout }] of regions.entries()) {
    const values = mapRegion(counters[index]!, layout.counters);
    byPid.set(pid, [...(byPid.get(pid) ?? []), { layout, values }]);
  }
  for (const fd of counters) closeDescriptor(fd);
  const [handed] = limits;
  const fd = descriptors.at(-1)!;
  return {
    sockets: sockets.map(({ key }, index) => ({ key, fd: descriptors[index]! })),
    regions: byPid,
    limits:
      handed === undefined
        ? null
        : { key: handed.key, rows: handed.rows, region: { fd, numbers: mapRegion(fd, handed.numbers) } },
  };
}
