/**
 * A small mutational fuzzer for parsers. It changes and joins the seeds of an entry, runs the entry on each result and
 * keeps what fails, as small as it can be made. There is no coverage to steer by: instead an entry may return an
 * outcome, and the first inputs of each outcome become seeds too. The same seed gives the same inputs in the same order;
 * a longer budget only gives more of them.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { minimise } from "./minimise.ts";
import { mutate, type Material } from "./mutate.ts";
import { randomSource } from "./random_source.ts";
import { startWatch, type Watch } from "./watch.ts";

/** What an entry may say about an input that it took: equal values mean "the same kind of input". */
export type Outcome = string | number | boolean | null | undefined | void;

/** One parser under test. */
export interface FuzzEntry {
  /** Snake case; also the name of its folder in `test/fuzz/corpus`. */
  readonly name: string;
  /** Inputs to start from: small, and of every kind that the parser knows. */
  readonly seeds: () => Uint8Array[];
  /** Throws when an invariant is broken. An input that the parser refuses as it should is no reason to throw. */
  readonly run: (bytes: Uint8Array) => Outcome;
  /** Words of the language, put in whole. */
  readonly tokens?: readonly string[];
  /** Bytes of the longest input; 4096 when not given. */
  readonly maxLength?: number;
}

export interface FuzzOptions {
  readonly budgetMs: number;
  readonly seed: number;
  /** Where corpora are; findings and new outcomes are written to `<corpus>/<entry>/`. null = nothing is written. */
  readonly corpus: string | null;
  /** Are inputs with a new outcome written too (findings always are)? */
  readonly keepOutcomes?: boolean;
  /** An input that takes longer than this is a finding; 1000 when not given. */
  readonly slowMs?: number;
}

/** An input that broke an invariant, threw, or took too long. */
export interface Finding {
  readonly bytes: Uint8Array;
  readonly message: string;
  /** Null when nothing is written. */
  readonly file: string | null;
}

export interface FuzzResult {
  readonly runs: number;
  readonly findings: readonly Finding[];
  readonly outcomes: number;
  /** Milliseconds that the slowest input took. */
  readonly slowestMs: number;
}

const MAX_FINDINGS = 10;
/** How often an input that was slow is tried again. */
const SLOW_REPEATS = 3;
const MAX_MATERIAL = 2_000;
const INPUTS_PER_OUTCOME = 2;
const MAX_OUTCOMES = 200;

/**
 * Fuzzes one entry for `budgetMs`; the corpus and the seeds run first, whatever they take. Ends early at 10 different
 * findings. An input that never comes back is written to the corpus, and the process is killed (`watch.ts`).
 */
export async function fuzz(entry: FuzzEntry, options: FuzzOptions): Promise<FuzzResult> {
  const watch = await startWatch(options.corpus === null ? null : `${options.corpus}/${entry.name}`);
  try {
    return new FuzzRun(entry, options, watch).whole();
  } finally {
    watch.stop();
  }
}

/** Files of an entry's corpus in the order of their names: findings once made, outcomes once kept. */
export function readCorpus(folder: string | null): Uint8Array[] {
  if (folder === null || !existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((name) => new Uint8Array(readFileSync(`${folder}/${name}`)));
}

class FuzzRun {
  private readonly entry: FuzzEntry;
  private readonly options: FuzzOptions;
  private readonly watch: Watch;
  private readonly folder: string | null;
  private readonly findings = new Map<string, Finding>();
  private readonly outcomes = new Map<Outcome, number>();
  private readonly material: Material;
  private runs = 0;
  private slowestMs = 0;

  constructor(entry: FuzzEntry, options: FuzzOptions, watch: Watch) {
    this.entry = entry;
    this.options = options;
    this.watch = watch;
    this.folder = options.corpus === null ? null : `${options.corpus}/${entry.name}`;
    this.material = {
      inputs: entry.seeds(),
      tokens: (entry.tokens ?? []).map((token) => new TextEncoder().encode(token)),
      maxLength: entry.maxLength ?? 4096,
    };
    if (this.material.inputs.length === 0) this.material.inputs.push(new Uint8Array(0));
  }

  whole(): FuzzResult {
    const start = performance.now();
    for (const bytes of readCorpus(this.folder)) {
      this.material.inputs.push(bytes);
      this.one(bytes);
    }
    for (const bytes of this.entry.seeds()) this.one(bytes);
    const random = randomSource(this.options.seed);
    while (performance.now() - start < this.options.budgetMs && this.findings.size < MAX_FINDINGS) {
      this.one(mutate(this.material, random));
    }
    return {
      runs: this.runs,
      findings: [...this.findings.values()],
      outcomes: this.outcomes.size,
      slowestMs: this.slowestMs,
    };
  }

  private one(bytes: Uint8Array): void {
    this.runs++;
    let attempt = this.attempt(bytes);
    // The machine may have done something else meanwhile: only what is slow every time is a finding.
    for (let again = 0; again < SLOW_REPEATS && attempt.failure?.kind === "slow"; again++)
      attempt = this.attempt(bytes);
    if (attempt.failure === null) this.note(attempt.outcome, bytes);
    else if (!this.findings.has(attempt.failure.kind)) this.found(bytes, attempt.failure);
  }

  /** Runs the entry on a copy, so that an entry that writes into its input spoils nothing. */
  private attempt(bytes: Uint8Array): { failure: Failure | null; outcome: Outcome } {
    this.watch.enter(bytes);
    const start = performance.now();
    let outcome: Outcome;
    let failure: Failure | null = null;
    try {
      outcome = this.entry.run(bytes.slice());
    } catch (error) {
      failure = failureOf(error);
    }
    const took = performance.now() - start;
    this.watch.leave();
    this.slowestMs = Math.max(this.slowestMs, took);
    const limit = this.options.slowMs ?? 1_000;
    if (failure === null && took > limit)
      failure = { kind: "slow", message: `took ${Math.round(took)} ms, more than ${limit} ms` };
    return { failure, outcome };
  }

  private note(outcome: Outcome, bytes: Uint8Array): void {
    if (outcome === undefined || bytes.length > this.material.maxLength) return;
    const seen = this.outcomes.get(outcome) ?? 0;
    if (seen >= INPUTS_PER_OUTCOME || (seen === 0 && this.outcomes.size >= MAX_OUTCOMES)) return;
    this.outcomes.set(outcome, seen + 1);
    if (this.material.inputs.length < MAX_MATERIAL) this.material.inputs.push(bytes);
    if (this.options.keepOutcomes === true) this.write("outcome", bytes);
  }

  private found(bytes: Uint8Array, failure: Failure): void {
    const { kind } = failure;
    const small = minimise(bytes, (candidate) => this.attempt(candidate).failure?.kind === kind);
    const message = this.attempt(small).failure?.message ?? failure.message;
    this.findings.set(kind, { bytes: small, message, file: this.write("finding", small) });
  }

  private write(what: "finding" | "outcome", bytes: Uint8Array): string | null {
    if (this.folder === null) return null;
    const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    const file = `${this.folder}/${what}-${digest}`;
    mkdirSync(this.folder, { recursive: true });
    if (!existsSync(file)) writeFileSync(file, bytes);
    return file;
  }
}

interface Failure {
  /** Equal for failures of the same place in the code. */
  readonly kind: string;
  readonly message: string;
}

/** The kind is the class and the innermost places below the engine: messages hold parts of the input. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: `thrown ${typeof error}`, message: String(error) };
  const message = `${error.name}: ${error.message}`;
  if (error instanceof RangeError && error.message.includes("call stack")) return { kind: "stack", message };
  const places = (error.stack ?? "").match(/[^\s(]+:\d+:\d+/g) ?? [];
  const end = places.findIndex((place) => place.startsWith(import.meta.path));
  return { kind: [error.name, ...places.slice(0, Math.min(3, end < 0 ? 3 : end))].join(" "), message };
}
