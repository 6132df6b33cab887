/**
 * The queue of passwords that are being verified, one for a worker. Hashes are slow on purpose, so whoever asks must not
 * be able to use up the machine: few are worked on at once, few of one client may wait, and those that block the thread
 * leave it as much time in between as they take. Equal questions are asked once.
 */
import { blocksThread, verifyElsewhere, verifyNow } from "./passwords.ts";
import type { User } from "./users.ts";

/** Verifications at work on other threads at once. */
const AT_WORK = 2;
const MAX_WAITING = 256;
const MAX_WAITING_OF_CLIENT = 8;

/** Who wants to know. */
export interface Asker {
  /** True while the answer matters to somebody. */
  readonly isWaiting: boolean;
  answered(isRight: boolean): void;
}

export interface Question {
  /** The same for the same name, password and users. */
  readonly key: string;
  readonly user: User;
  readonly password: Uint8Array;
  /** Address of the client. */
  readonly client: string;
}

interface Job extends Question {
  readonly askers: Asker[];
}

export class Verifications {
  readonly #jobs = new Map<string, Job>();
  readonly #waiting: Job[] = [];
  readonly #ofClient = new Map<string, number>();
  #atWork = 0;
  #blocking = false;

  /** Jobs that wait or are at work. */
  get size(): number {
    return this.#jobs.size;
  }

  /** Takes a question up. Returns false when too many wait: then `asker` is not answered. */
  ask(question: Question, asker: Asker): boolean {
    const same = this.#jobs.get(question.key);
    if (same !== undefined) {
      same.askers.push(asker);
      return true;
    }
    const ofClient = this.#ofClient.get(question.client) ?? 0;
    if (this.#jobs.size >= MAX_WAITING || ofClient >= MAX_WAITING_OF_CLIENT) return false;
    this.#ofClient.set(question.client, ofClient + 1);
    const job = { ...question, askers: [asker] };
    this.#jobs.set(question.key, job);
    this.#waiting.push(job);
    this.#work();
    return true;
  }

  #work(): void {
    while (this.#atWork < AT_WORK) {
      const index = this.#waiting.findIndex((job) => !this.#blocking || !blocksThread(job.user));
      if (index < 0) return;
      const [job] = this.#waiting.splice(index, 1);
      if (job!.askers.some((asker) => asker.isWaiting)) this.#start(job!);
      else this.#forget(job!);
    }
  }

  #start(job: Job): void {
    this.#atWork++;
    if (blocksThread(job.user)) {
      this.#blocking = true;
      setTimeout(() => this.#block(job), 0);
      return;
    }
    verifyElsewhere(job.user, job.password).then(
      (isRight) => this.#finish(job, isRight),
      () => this.#finish(job, false),
    );
  }

  #block(job: Job): void {
    const started = performance.now();
    const isRight = verifyNow(job.user, job.password);
    setTimeout(() => {
      this.#blocking = false;
      this.#work();
    }, performance.now() - started);
    this.#finish(job, isRight);
  }

  #finish(job: Job, isRight: boolean): void {
    this.#atWork--;
    this.#forget(job);
    for (const asker of job.askers) if (asker.isWaiting) asker.answered(isRight);
    this.#work();
  }

  #forget(job: Job): void {
    this.#jobs.delete(job.key);
    const left = (this.#ofClient.get(job.client) ?? 0) - 1;
    if (left > 0) this.#ofClient.set(job.client, left);
    else this.#ofClient.delete(job.client);
  }
}

/** All middlewares of this worker share the machine's time. */
export const verifications = new Verifications();
