/** What the bench must know of a program to operate it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Peer } from "../http/peer.ts";
import { rawRequest } from "../http/raw_http.ts";
import { allProcesses, readUsage, treeOf, type ProcessStat } from "../support/process_tree.ts";
import { PinnedProgram } from "../support/pinned_program.ts";
import { everyCore } from "./clients.ts";
import { CHANGED_FILE, FILES, GENERATION_PATH, ROUTES } from "./settings.ts";

const START_MS = 90_000;

/**
 * How the routes stand on disk, and what changes: all of them in one file, or those of one file of many: what they do, or
 * the order in which they are tried.
 */
export type Layout = "one" | "many" | "order";

export interface Place {
  readonly directory: string;
  readonly port: number;
  readonly adminPort: number;
  readonly backends: readonly [number, number];
  readonly workers: number;
  readonly openFiles: number;
}

export interface Subject {
  readonly peer: Peer;
  readonly layouts: readonly Layout[];
  /** The main file. */
  readonly mainFile: string;
  /** Name of the file `index` of many, in the folder of the main file. */
  readonly partFile: (index: number) => string;
  /** Text of the main file; `routes` stand in it where there is one file. */
  main(place: Place, routes: string, layout: Layout): string;
  /** The routes from `from` to `to`, in words that differ for even and odd generations. */
  routes(place: Place, from: number, to: number, generation: number, layout: Layout): string;
  /** The route that answers GENERATION_PATH on every host with the number. */
  generation(place: Place, generation: number): string;
  /** Further files by name, which are in place before the reload is asked for. */
  beside?(place: Place, generation: number): Readonly<Record<string, string>>;
  /** How the text of a part begins. */
  readonly partHead: string;
  command(binary: string, place: Place, main: string): readonly string[];
  /** Asks the program with this pid for a reload; resolves when it may be asked again. */
  reload(pid: number, place: Place): Promise<void>;
  /** What remains of before a reload: processes of the tree that are to end. Null = workers stay. */
  old: ((tree: readonly ProcessStat[]) => readonly ProcessStat[]) | null;
}

/** A program that runs with 10,000 routes. */
export class Running {
  readonly place: Place;
  readonly #subject: Subject;
  readonly #layout: Layout;
  readonly #program: PinnedProgram;
  #before: readonly ProcessStat[] = [];

  private constructor(subject: Subject, place: Place, layout: Layout, program: PinnedProgram) {
    this.#subject = subject;
    this.place = place;
    this.#layout = layout;
    this.#program = program;
  }

  /** Writes generation 1 and starts the program. Throws Error with its own words when it does not answer. */
  static async start(subject: Subject, binary: string, place: Place, layout: Layout): Promise<Running> {
    const main = join(place.directory, subject.mainFile);
    write(subject, place, layout, 1);
    const program = new PinnedProgram({
      core: everyCore(),
      command: subject.command(binary, place, main),
      cwd: place.directory,
      logFile: join(place.directory, "output"),
    });
    const running = new Running(subject, place, layout, program);
    await running.answers();
    program.noteTree();
    return running;
  }

  get pid(): number {
    return this.#program.pid;
  }

  get tree(): ProcessStat[] {
    return treeOf(allProcesses(), [this.pid]);
  }

  /** Pids of what the program itself has started. */
  get workers(): number[] {
    return this.tree.filter(({ parent }) => parent === this.pid).map(({ pid }) => pid);
  }

  /** CPU milliseconds of all its processes so far. */
  cpuMs(): number {
    const { userUs, systemUs } = readUsage([this.pid]);
    return (userUs + systemUs) / 1_000;
  }

  /** CPU microseconds of the process with this pid alone. */
  static cpuOf(pid: number): number {
    const { processes } = readUsage([pid]);
    const own = processes.find((one) => one.pid === pid);
    return own === undefined ? 0 : ((own.user + own.system) * 1e6) / 100;
  }

  /** Puts the next generation in its place on disk and asks for a reload. */
  change(generation: number): () => Promise<void> {
    const commit = prepare(this.#subject, this.place, this.#layout, generation);
    return async () => {
      this.#before = this.tree;
      commit();
      await this.#subject.reload(this.pid, this.place);
    };
  }

  /** True when nothing is left of what ran before the last change. */
  get settled(): boolean {
    const { old } = this.#subject;
    if (old === null) return true;
    const now = this.tree;
    return old(this.#before).every(
      ({ pid, startTime }) => !now.some((one) => one.pid === pid && one.startTime === startTime),
    );
  }

  /** Resolves when a request is answered with 200. */
  async answers(): Promise<void> {
    const end = performance.now() + START_MS;
    for (;;) {
      const request = `GET ${GENERATION_PATH} HTTP/1.1\r\nHost: generation.example\r\n\r\n`;
      const answer = await rawRequest(this.place.port, false, request).catch(() => null);
      if (answer?.status === 200) return;
      const { ended } = this.#program;
      if (ended || performance.now() > end) {
        const said = readFileSync(join(this.place.directory, "output"), "utf8").trim().slice(-500);
        await this.stop();
        throw new Error(`${this.#subject.peer.label} ${ended ? "has ended" : "does not answer"}: ${said}`);
      }
      await Bun.sleep(5);
    }
  }

  async stop(): Promise<void> {
    this.#program.noteTree();
    await this.#program.stop();
  }
}

/** Writes all files of a generation. */
function write(subject: Subject, place: Place, layout: Layout, generation: number): void {
  const { directory } = place;
  writeBeside(subject, place, generation);
  const routes = layout === "one" ? subject.routes(place, 0, ROUTES, generation, layout) : "";
  const answer = layout === "one" ? subject.generation(place, generation) : "";
  writeFileSync(join(directory, subject.mainFile), subject.main(place, `${answer}${routes}`, layout));
  if (layout === "one") return;
  for (let index = 0; index < FILES; index++) {
    const path = join(directory, subject.partFile(index));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, partText(subject, place, index, generation, layout));
  }
}

function writeBeside(subject: Subject, place: Place, generation: number): void {
  for (const [name, text] of Object.entries(subject.beside?.(place, generation) ?? {}))
    writeFileSync(join(place.directory, name), text);
}

function partText(subject: Subject, place: Place, index: number, generation: number, layout: Layout): string {
  const size = Math.ceil(ROUTES / FILES);
  const end = Math.min(ROUTES, (index + 1) * size);
  const routes = subject.routes(place, index * size, end, generation, layout);
  const answer = index === CHANGED_FILE ? subject.generation(place, generation) : "";
  return `${subject.partHead}${answer}${routes}`;
}

/** Writes the changed file beside the one that acts. Returns what puts it into place. */
function prepare(subject: Subject, place: Place, layout: Layout, generation: number): () => void {
  const name = layout === "one" ? subject.mainFile : subject.partFile(CHANGED_FILE);
  const text =
    layout !== "one"
      ? partText(subject, place, CHANGED_FILE, generation, layout)
      : subject.main(
          place,
          `${subject.generation(place, generation)}${subject.routes(place, 0, ROUTES, generation, layout)}`,
          layout,
        );
  writeBeside(subject, place, generation);
  const path = join(place.directory, name);
  const beside = join(place.directory, `.next-${generation}`);
  writeFileSync(beside, text);
  return () => renameSync(beside, path);
}
