import { expect, test } from "bun:test";
import { ManualClock } from "../../../platform/clock.ts";
import { FEEDBACK_WINDOW_MS, FeedbackLedger } from "./ledger.ts";
import type { AcceptedFeedback } from "./reports.ts";

const feedback = (settings: Partial<AcceptedFeedback> = {}): AcceptedFeedback => ({
  app: "a1",
  host: "10.0.0.1",
  flavor: "2.0",
  rollout: null,
  ok: true,
  nonce: "n",
  ...settings,
});

test("RD165 a token that went to two workers counts once, and all that was refused is counted", () => {
  const clock = new ManualClock();
  const counted: string[] = [];
  const accepted: AcceptedFeedback[] = [];
  const ledger = new FeedbackLedger({
    clock,
    count: (result, amount) => counted.push(`${result} ${amount}`),
    accepted: (one) => accepted.push(one),
  });
  ledger.take({ accepted: [feedback({ ok: false }), feedback({ nonce: "m" })], refused: { forged: 3 } });
  ledger.take({ accepted: [feedback({ ok: false })], refused: {} });
  expect(counted).toEqual(["accepted 1", "accepted 1", "forged 3", "replayed 1"]);
  expect(accepted.map(({ nonce }) => nonce)).toEqual(["n", "m"]);
  const sums = { app: "a1", flavor: "2.0", host: "10.0.0.1", failing: 1, samples: 2 };
  expect(ledger.hosts()).toEqual([sums]);
  clock.advance(FEEDBACK_WINDOW_MS);
  expect(ledger.hosts()).toEqual([]);
});
