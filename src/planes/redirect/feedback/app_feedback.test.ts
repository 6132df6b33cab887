import { expect, test } from "bun:test";
import {
  deciderOf,
  decisionOf,
  literalOf,
  modelOf,
  rolloutOf,
  serverOf,
  stackOf,
} from "../../../core/redirect/test_decider.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { AppFeedback, type FeedbackSettings } from "./app_feedback.ts";
import { FeedbackGatherer, type FeedbackReport, GATHER_MS, MOST_GATHERED } from "./reports.ts";
import { readToken } from "./token.ts";

const SETTINGS: FeedbackSettings = { key: "k".repeat(32), max_age_ms: 60_000, per_address: 10, per_app: 20 };
const STACKS = [stackOf("/EU/z1/2.0", "10.0.0.2")];
const DECISION = decisionOf(deciderOf(modelOf({ rollouts: [rolloutOf({ steps: [100] })] }), {}, STACKS), {
  mac: "m",
});

function setUp(settings: Partial<FeedbackSettings> = {}) {
  const clock = new ManualClock();
  const told: FeedbackReport[] = [];
  const gatherer = new FeedbackGatherer(clock, (report) => told.push(report));
  const make = (app = "a1") => new AppFeedback(app, { ...SETTINGS, ...settings }, clock, gatherer);
  const feedback = make();
  const send = (body: unknown, address = "192.0.2.1", to = feedback) =>
    to.take(address, new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)));
  return { clock, told, feedback, send, make, token: () => feedback.token(DECISION)! };
}

test("RD165 a report with the token of an answer is accepted once, and told with where it led", () => {
  const { clock, told, send, token } = setUp();
  const one = token();
  expect(readToken(SETTINGS.key, one)).toMatchObject({
    app: "a1",
    host: "10.0.0.2",
    flavor: "2.0",
    rollout: "beta",
    issued_at: clock.wall(),
  });
  expect([
    send({ token: one, ok: false }),
    send({ token: one, ok: false }),
    send({ token: token(), ok: true }),
  ]).toEqual(["accepted", "replayed", "accepted"]);
  expect(told).toEqual([]);
  clock.advance(GATHER_MS);
  const target = { app: "a1", host: "10.0.0.2", flavor: "2.0", rollout: "beta", nonce: expect.any(String) };
  expect(told).toEqual([
    {
      accepted: [
        { ...target, ok: false },
        { ...target, ok: true },
      ],
      refused: { replayed: 1 },
    },
  ]);
  clock.advance(10 * GATHER_MS);
  expect(told.length).toBe(1);
});

test("RD165 forged, expired and malformed reports, and those of another application, are refused", () => {
  const { clock, send, token, make } = setUp();
  const one = token();
  const key = "x".repeat(32);
  const stranger = setUp({ key });
  expect(send({ token: stranger.token(), ok: true })).toBe("forged");
  expect(send({ token: one, ok: true }, "192.0.2.2", make("a2"))).toBe("forged");
  for (const body of ["", "[]", "null", { token: one }, { token: 1, ok: true }, { token: "a", ok: true }])
    expect(send(body)).toBe("malformed");
  clock.advance(60_001);
  expect(send({ token: one, ok: true })).toBe("expired");
});

test("RD165 a flood is refused for its address, or its network, before anything is looked at", () => {
  const { clock, send, token } = setUp();
  for (let number = 0; number < 10; number++) expect(send("x")).toBe("malformed");
  expect(send({ token: token(), ok: true })).toBe("limited");
  expect(send({ token: token(), ok: true }, "192.0.2.2")).toBe("accepted");
  for (let number = 0; number < 10; number++) expect(send("x", `2001:db8:1:2::${number}`)).toBe("malformed");
  expect(send({ token: token(), ok: true }, "2001:db8:1:2:3:4:5:6")).toBe("limited");
  expect(send({ token: token(), ok: true }, "2001:db8:1:3::1")).toBe("accepted");
  clock.advance(6_000);
  expect(send({ token: token(), ok: true })).toBe("accepted");
});

test("RD165 of all clients together only so many are taken, and what is not signed takes none of them", () => {
  const { send, token } = setUp();
  for (let number = 0; number < 100; number++) send({ token: "a", ok: true }, `10.0.1.${number}`);
  const results = Array.from({ length: 22 }, (_, number) =>
    send({ token: token(), ok: true }, `10.0.0.${number}`),
  );
  expect(results).toEqual([...Array.from({ length: 20 }, () => "accepted" as const), "limited", "limited"]);
});

test("an answer that leads to no registered host has no token, and much feedback does not wait", () => {
  const { feedback, told, send, token } = setUp({ per_address: 1e6, per_app: 1e6 });
  const literal = deciderOf(modelOf({ default_server: literalOf("http://a") }));
  expect(feedback.token(decisionOf(literal))).toBeNull();
  const plain = decisionOf(deciderOf(modelOf({ default_server: serverOf("2.0") }), {}, STACKS));
  expect(readToken(SETTINGS.key, feedback.token(plain)!)).toMatchObject({ rollout: null });
  for (let number = 0; number < MOST_GATHERED; number++) send({ token: token(), ok: true });
  expect(told.length).toBe(1);
});
