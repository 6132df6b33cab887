/**
 * Deadlines for very many objects at the price of one store each. An entry sits in the bucket of the time at which it
 * was last looked at; moving its deadline later only changes the number, and the wheel finds that out when it gets
 * there. So a connection that is busy all the time is touched once per timeout, not once per request.
 *
 * Deadlines are met late by up to one tick, never early. The interval runs only while entries are in the wheel.
 */
import type { Clock } from "./clock.ts";

/** Width of a bucket in milliseconds. */
export const TICK_MS = 50;
const BUCKETS = 512;

/** Deadline of an entry that waits for nothing. */
export const NEVER = Infinity;

/** Something that has a deadline. Extend it, or hold one per deadline. */
export abstract class Timed {
  /** Monotonic milliseconds. Read freely; change it by `TimerWheel.set` or `TimerWheel.clear`. */
  deadline = NEVER;
  /** Tick at which the wheel looks at this entry, 0 = not in the wheel. The wheel's own, like the next two. */
  wheelTick = 0;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;

  /** Called once when the deadline has passed; the entry is out of the wheel and may be set again. */
  abstract onDeadline(now: number): void;
}

/** Head of a bucket's ring; never fires. */
class Bucket extends Timed {
  constructor() {
    super();
    this.wheelNext = this;
    this.wheelPrevious = this;
  }

  override onDeadline(): void {}
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

export class TimerWheel {
  /** Time of the last tick; old while the wheel is empty. */
  coarseNow: number;
  /** Entries in the wheel. */
  size = 0;

  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #buckets: Bucket[];
  #tick: number;
  #stop: (() => void) | null = null;

  /** `failed` is told what an `onDeadline` throws; by default it becomes an uncaught exception of its own turn. */
  constructor(clock: Clock, failed: (error: unknown) => void = throwLater) {
    this.#clock = clock;
    this.#failed = failed;
    this.#buckets = Array.from({ length: BUCKETS }, () => new Bucket());
    this.coarseNow = clock.now();
    this.#tick = Math.floor(this.coarseNow / TICK_MS);
  }

  /** Sets the deadline of `entry`, `delayMs` from now; 0 or less = no deadline (a timeout of 0 means no limit). */
  after(entry: Timed, delayMs: number): void {
    if (delayMs > 0) this.set(entry, this.#clock.now() + delayMs);
    else this.clear(entry);
  }

  /**
   * Like `after` by the time of the last tick: saves reading the clock, for deadlines that are set per request. Met
   * late by up to two ticks; early only by as much as the event loop stood still since the last tick.
   */
  afterCoarse(entry: Timed, delayMs: number): void {
    if (this.#stop === null) this.#wake();
    if (delayMs > 0) this.set(entry, this.coarseNow + TICK_MS + delayMs);
    else this.clear(entry);
  }

  /** Sets the deadline of `entry` in monotonic milliseconds. A later one than before is a single store. */
  set(entry: Timed, deadline: number): void {
    entry.deadline = deadline;
    const due = Math.ceil(deadline / TICK_MS);
    if (entry.wheelTick !== 0) {
      if (entry.wheelTick <= due) return;
      this.#unlink(entry);
    }
    if (deadline === NEVER) return;
    if (this.#stop === null) this.#wake();
    this.#link(entry, due);
  }

  /** Takes back the deadline. The entry may stay in the wheel until its bucket comes up: use `remove` for good. */
  clear(entry: Timed): void {
    entry.deadline = NEVER;
  }

  /** Takes `entry` out of the wheel, so that the wheel holds no reference to it. */
  remove(entry: Timed): void {
    entry.deadline = NEVER;
    if (entry.wheelTick !== 0) this.#unlink(entry);
  }

  /** Ends the interval; entries stay as they are. */
  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #wake(): void {
    this.coarseNow = this.#clock.now();
    if (this.size === 0) this.#tick = Math.floor(this.coarseNow / TICK_MS);
    this.#stop = this.#clock.every(TICK_MS, () => this.#advance());
  }

  #advance(): void {
    const now = this.#clock.now();
    this.coarseNow = now;
    const last = Math.floor(now / TICK_MS);
    // After a long stall one turn of the wheel meets every entry.
    if (last - this.#tick > BUCKETS) this.#tick = last - BUCKETS;
    while (this.#tick < last) {
      this.#tick++;
      this.#runBucket(now);
    }
    if (this.size === 0) this.stop();
  }

  #runBucket(now: number): void {
    const bucket = this.#buckets[this.#tick % BUCKETS];
    if (bucket === undefined) return;
    // Ends because #link never files an entry in the bucket that is being run.
    for (let entry = bucket.wheelNext; entry !== null && entry !== bucket; entry = bucket.wheelNext) {
      this.#unlink(entry);
      if (entry.deadline <= now) {
        entry.deadline = NEVER;
        try {
          entry.onDeadline(now);
        } catch (error) {
          // The others of this bucket would wait for a whole turn.
          this.#failed(error);
        }
      } else if (entry.deadline !== NEVER) this.#link(entry, Math.ceil(entry.deadline / TICK_MS));
    }
  }

  /** Puts `entry` into the bucket of `due`, or into the furthest one when that is more than a turn away. */
  #link(entry: Timed, due: number): void {
    const tick = Math.min(Math.max(due, this.#tick + 1), this.#tick + BUCKETS - 1);
    const bucket = this.#buckets[tick % BUCKETS];
    if (bucket === undefined) throw new RangeError(`deadline ${entry.deadline} is not a time`);
    entry.wheelTick = tick;
    entry.wheelNext = bucket;
    entry.wheelPrevious = bucket.wheelPrevious;
    if (bucket.wheelPrevious !== null) bucket.wheelPrevious.wheelNext = entry;
    bucket.wheelPrevious = entry;
    this.size++;
  }

  #unlink(entry: Timed): void {
    if (entry.wheelPrevious !== null) entry.wheelPrevious.wheelNext = entry.wheelNext;
    if (entry.wheelNext !== null) entry.wheelNext.wheelPrevious = entry.wheelPrevious;
    entry.wheelNext = null;
    entry.wheelPrevious = null;
    entry.wheelTick = 0;
    this.size--;
  }
}

/** A deadline with something to do, for the few that belong to no object of their own. */
export class Deadline extends Timed {
  readonly #act: () => void;

  constructor(act: () => void) {
    super();
    this.#act = act;
  }

  override onDeadline(): void {
    this.#act();
  }
}
