import { expect, test } from "bun:test";
import type { Counts } from "./counts.ts";
import { DemoScreen } from "./screen.ts";

const counts = (atMs: number, requests: number, healthy = true): Counts => ({
  atMs,
  requests,
  errors: 1,
  connections: 2,
  buckets: [
    [0.001, requests],
    [Infinity, requests],
  ],
  backends: [{ id: "site1", requests, healthy }],
});

function screen(columns: number | null): { readonly written: string[]; readonly screen: DemoScreen } {
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text), columns: () => columns };
  return { written, screen: new DemoScreen(output) };
}

test("elsewhere than on a terminal: a line when something has changed", () => {
  const { written, screen: shown } = screen(null);
  shown.show(counts(0, 0));
  shown.show(counts(1_000, 0));
  shown.show(counts(2_000, 1_500));
  shown.show(counts(3_000, 1_500, false));
  shown.message("a word\n");
  expect(written).toEqual([
    "requests 0 (0.0/s), errors 1, p50 -, p99 -, connections 2; site1 0 healthy\n",
    "requests 1,500 (750.0/s), errors 1, p50 <= 1 ms, p99 <= 1 ms, connections 2; site1 1,500 healthy\n",
    "requests 1,500 (750.0/s), errors 1, p50 <= 1 ms, p99 <= 1 ms, connections 2; site1 1,500 unhealthy\n",
    "a word\n",
  ]);
});

test("on a terminal: the same place again, below all messages, cut to its width", () => {
  const { written, screen: shown } = screen(40);
  const block = (first: string, second: string): string => `\n${first}\n${second}\n`;
  const begin = block("requests 0 (0.0/s), errors 1, p50 -, p9", "  site1            0       0.0/s  healt");
  const later = block("requests 20 (10.0/s), errors 1, p50 <= ", "  site1           20      10.0/s  healt");
  shown.message("intro\n");
  shown.show(counts(0, 0));
  shown.show(counts(2_000, 20));
  shown.message("a word\n");
  shown.end();
  shown.message("the end\n");
  const cleared = "\x1b[3A\x1b[J";
  expect(written).toEqual([
    "intro\n",
    begin,
    `${cleared}${later}`,
    `${cleared}a word\n${later}`,
    "the end\n",
  ]);
});

test("what is older than ten seconds does not count", () => {
  const { written, screen: shown } = screen(null);
  shown.show(counts(0, 100));
  shown.show(counts(20_000, 100, false));
  expect(written.at(-1)).toStartWith("requests 100 (0.0/s), errors 1, p50 -");
});
