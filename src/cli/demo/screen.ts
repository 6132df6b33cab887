/** Shows counts: refreshed in place on a terminal, as a line per change elsewhere. */
import { quantileBound, rate, type BackendCounts, type Counts } from "./counts.ts";

/** Percentiles and rates are those of this time. */
const WINDOW_MS = 10_000;
const RATE_WINDOW_MS = 2_000;

export interface ScreenOutput {
  write(text: string): void;
  /** Columns of a terminal, null when it is none. */
  readonly columns: () => number | null;
}

export class DemoScreen {
  readonly #output: ScreenOutput;
  #history: Counts[] = [];
  #linesShown = 0;
  #lastShown = "";

  constructor(output: ScreenOutput) {
    this.#output = output;
  }

  /** Prints a message; on a terminal the counts stay below it. */
  message(text: string): void {
    this.#output.write(`${this.#erased()}${text}${this.#drawn()}`);
  }

  /** Shows newer counts. */
  show(counts: Counts): void {
    this.#history = [...this.#history, counts].filter(({ atMs }) => atMs >= counts.atMs - WINDOW_MS);
    if (this.#output.columns() !== null) {
      this.#output.write(`${this.#erased()}${this.#drawn()}`);
      return;
    }
    const key = JSON.stringify([counts.requests, counts.errors, counts.backends]);
    if (key === this.#lastShown) return;
    this.#lastShown = key;
    const backends = counts.backends.map(backendText).join(", ");
    this.#output.write(`requests ${summary(this.#history)}; ${backends}\n`);
  }

  /** Shows no more counts; what stands there stays. */
  end(): void {
    this.#linesShown = 0;
    this.#history = [];
  }

  /** What takes the counts from the terminal: the cursor goes up, and everything below it is cleared. */
  #erased(): string {
    const lines = this.#linesShown;
    this.#linesShown = 0;
    return lines === 0 ? "" : `\x1b[${lines}A\x1b[J`;
  }

  /** What puts the counts there, "" where there are none or no terminal. */
  #drawn(): string {
    const columns = this.#output.columns();
    if (columns === null || this.#history.length === 0) return "";
    const lines = ["", `requests ${summary(this.#history)}`, ...this.#backendTable()];
    this.#linesShown = lines.length;
    return lines.map((line) => `${line.slice(0, columns - 1)}\n`).join("");
  }

  #backendTable(): string[] {
    const after = this.#history.at(-1)!;
    const before = since(this.#history, RATE_WINDOW_MS);
    return after.backends.map(({ id, requests, healthy }) => {
      const perSecond = rate(before, after, ({ backends }) => requestsOf(backends, id));
      return `  ${id.padEnd(8)}${count(requests).padStart(10)}${perSecond.toFixed(1).padStart(10)}/s  ${healthText(healthy)}`;
    });
  }
}

/** The oldest counts that are at most `windowMs` old, or the ones before the newest. */
function since(history: readonly Counts[], windowMs: number): Counts {
  const newest = history.at(-1)!;
  return history.find(({ atMs }) => atMs >= newest.atMs - windowMs) ?? newest;
}

function summary(history: readonly Counts[]): string {
  const after = history.at(-1)!;
  const perSecond = rate(since(history, RATE_WINDOW_MS), after, ({ requests }) => requests);
  const bound = (share: number): string => boundText(quantileBound(history[0]!, after, share));
  return [
    `${count(after.requests)} (${perSecond.toFixed(1)}/s)`,
    `errors ${count(after.errors)}`,
    `p50 ${bound(0.5)}`,
    `p99 ${bound(0.99)}`,
    `connections ${count(after.connections)}`,
  ].join(", ");
}

function requestsOf(backends: readonly BackendCounts[], id: string): number {
  return backends.find((backend) => backend.id === id)?.requests ?? 0;
}

function backendText({ id, requests, healthy }: BackendCounts): string {
  return `${id} ${count(requests)} ${healthText(healthy)}`;
}

function healthText(healthy: boolean | null): string {
  if (healthy === null) return "not checked yet";
  return healthy ? "healthy" : "unhealthy";
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function boundText(seconds: number | null): string {
  if (seconds === null) return "-";
  return seconds === Infinity ? "above 5 s" : `<= ${seconds * 1_000} ms`;
}
