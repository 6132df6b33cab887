/**
 * When members are probed. Every member has its own rhythm: the first probe at once, the second anywhere within the
 * interval so that the probes of many members spread, then one per interval, stretched by the jitter. A probe that has
 * not ended at its timeout is ended, with its socket; the probes of a member never overlap; and no more than a fixed
 * number run at a time, the others waiting in line.
 */
import { messageOf } from "../core/text/message_of.ts";
import type { ProbePlan } from "../core/plan.ts";
import { formatDuration } from "../core/schema/duration.ts";
import type { Clock } from "../platform/clock.ts";
import type { SocketAddress } from "../platform/socket_address.ts";
import { Timed, TimerWheel } from "../platform/timer_wheel.ts";
import type { Check, ProbeResult } from "./contract.ts";

/** Probes that run at a time in the whole program. */
export const MAX_RUNNING_PROBES = 512;
/** Probes that start in one turn of the event loop: each takes some 50 µs of system calls. */
export const STARTS_PER_TURN = 32;

/** A member to be probed. */
export interface Scheduled {
  /** Its identity over changes of the list. */
  readonly id: string;
  /** Equal text = nothing that matters to its probes has changed: rhythm and a probe under way go on. */
  readonly settings: string;
  readonly timing: Pick<ProbePlan, "interval_ms" | "timeout_ms" | "jitter">;
  readonly address: SocketAddress;
  readonly check: Check;
}

export interface SchedulerOptions {
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Called once for each probe that has ended. */
  readonly result: (id: string, result: ProbeResult, tookMs: number) => void;
  readonly maxRunning?: number;
  /** Calls back in the next turn of the event loop. Without it all that may start does so at once. */
  readonly nextTurn?: (run: () => void) => void;
}

/** One member and its next moment: that of its next probe, or of the timeout of the one that runs. */
class Rhythm extends Timed {
  member: Scheduled;
  readonly #due: (rhythm: Rhythm) => void;
  /** Ends the probe that runs, or null. */
  end: (() => void) | null = null;
  /** Waits in line for its turn. */
  queued = false;
  /** When the probe under way, or the last one, was to start. */
  plannedAt = 0;
  startedAt = 0;
  probes = 0;

  constructor(member: Scheduled, due: (rhythm: Rhythm) => void) {
    super();
    this.member = member;
    this.#due = due;
  }

  onDeadline(): void {
    this.#due(this);
  }
}

export class ProbeScheduler {
  readonly #options: SchedulerOptions;
  readonly #wheel: TimerWheel;
  readonly #maxRunning: number;
  readonly #rhythms = new Map<string, Rhythm>();
  #queue: Rhythm[] = [];
  #running = 0;
  #starting = false;
  /** The rest of the queue goes on in the next turn. */
  #waitsForTurn = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#wheel = new TimerWheel(options.clock);
    this.#maxRunning = options.maxRunning ?? MAX_RUNNING_PROBES;
  }

  /** Probes under way. */
  get running(): number {
    return this.#running;
  }

  /**
   * Probes exactly `members` from now on. New ones and those with other settings are probed at once; the rest keep
   * their rhythm.
   */
  update(members: readonly Scheduled[]): void {
    const ids = new Set(members.map(({ id }) => id));
    for (const [id, rhythm] of this.#rhythms) if (!ids.has(id)) this.#remove(rhythm);
    for (const member of members) {
      const known = this.#rhythms.get(member.id);
      if (known?.member.settings === member.settings) continue;
      if (known !== undefined) this.#remove(known);
      const rhythm = new Rhythm(member, (one) => this.#due(one));
      rhythm.plannedAt = this.#options.clock.now();
      this.#rhythms.set(member.id, rhythm);
      this.#enqueue(rhythm);
    }
    this.#startQueued();
  }

  /** Ends all probes and forgets all members; no timer and no socket is left. */
  stop(): void {
    for (const rhythm of this.#rhythms.values()) this.#remove(rhythm);
    this.#wheel.stop();
  }

  #remove(rhythm: Rhythm): void {
    this.#rhythms.delete(rhythm.member.id);
    this.#wheel.remove(rhythm);
    if (rhythm.queued) this.#queue = this.#queue.filter((one) => one !== rhythm);
    rhythm.queued = false;
    this.#endProbe(rhythm);
  }

  #due(rhythm: Rhythm): void {
    if (rhythm.end === null) this.#enqueue(rhythm);
    else {
      this.#endProbe(rhythm);
      const timeout = formatDuration(rhythm.member.timing.timeout_ms);
      this.#ended(rhythm, { healthy: false, reason: `no answer within ${timeout}` });
    }
    this.#startQueued();
  }

  #enqueue(rhythm: Rhythm): void {
    rhythm.queued = true;
    this.#queue.push(rhythm);
  }

  /** Starts what may run. Probes that end at once come back here: one loop serves them all. */
  #startQueued(): void {
    if (this.#starting || this.#waitsForTurn) return;
    this.#starting = true;
    const { nextTurn } = this.#options;
    try {
      for (let started = 0; this.#running < this.#maxRunning && this.#queue.length > 0; started++) {
        if (nextTurn !== undefined && started === STARTS_PER_TURN) {
          this.#waitsForTurn = true;
          nextTurn(() => {
            this.#waitsForTurn = false;
            this.#startQueued();
          });
          break;
        }
        this.#start(this.#queue.shift()!);
      }
    } finally {
      this.#starting = false;
    }
  }

  #start(rhythm: Rhythm): void {
    const { check, address, timing } = rhythm.member;
    rhythm.queued = false;
    // Lateness of the clock's ticks does not add up; but what waited for long is not made up for.
    const now = this.#options.clock.now();
    if (now - rhythm.plannedAt > timing.interval_ms / 2) rhythm.plannedAt = now;
    rhythm.startedAt = now;
    rhythm.probes++;
    this.#running++;
    let over = false;
    let cancel: (() => void) | null = null;
    rhythm.end = () => {
      over = true;
      cancel?.();
    };
    const done = (result: ProbeResult) => {
      if (over) return;
      over = true;
      this.#endProbe(rhythm);
      this.#ended(rhythm, result);
      this.#startQueued();
    };
    try {
      cancel = check.start(address, done);
    } catch (error) {
      done({
        healthy: false,
        reason: `the probe failed: ${messageOf(error)}`,
      });
    }
    if (rhythm.end !== null) this.#wheel.after(rhythm, timing.timeout_ms);
  }

  #endProbe(rhythm: Rhythm): void {
    const { end } = rhythm;
    if (end === null) return;
    rhythm.end = null;
    this.#running--;
    end();
  }

  /** A probe has ended by itself or by its timeout: the member's next one is set, then the result told. */
  #ended(rhythm: Rhythm, result: ProbeResult): void {
    const { interval_ms, jitter } = rhythm.member.timing;
    const { clock, random } = this.#options;
    const share = rhythm.probes === 1 ? random() : 1 + jitter * random();
    // A probe that took longer than the interval is followed at once.
    const now = clock.now();
    rhythm.plannedAt = Math.max(rhythm.plannedAt + interval_ms * share, now);
    this.#wheel.set(rhythm, rhythm.plannedAt);
    this.#options.result(rhythm.member.id, result, now - rhythm.startedAt);
  }
}
