import { expect, test } from "bun:test";
import { DEFAULT_REDIRECT_APP } from "../../../core/defaults.ts";
import type { RedirectModel, Rollout } from "../../../core/redirect/model.ts";
import { modelOf, rolloutOf, serverOf } from "../../../core/redirect/test_decider.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { AppState } from "../app_state.ts";
import type { RedirectEvent } from "../follower.ts";
import { LOOK_MS, RolloutKeeper } from "./keeper.ts";
import { withStep } from "./with_step.ts";
import { type RolloutWriter, StaleRollout } from "./writer.ts";

const START = 1_700_000_000_000;
const HOST = { stack: "/EU/z1", flavor: "2.0" };

const stateOf = (model: RedirectModel | null): AppState => ({
  plan: DEFAULT_REDIRECT_APP,
  model,
  stacks: [],
});

/** A keeper whose writer changes a model, which comes back at once as that of a store does. */
function setUp(settings: Partial<Rollout> = {}, writer?: RolloutWriter) {
  const clock = new ManualClock(START);
  const events: RedirectEvent[] = [];
  const reasons: string[] = [];
  let model = modelOf({ rollouts: [rolloutOf({ since_ms: START, step: 0, ...settings })] });
  const keeper: RolloutKeeper = new RolloutKeeper({
    clock,
    writer: writer ?? {
      async setStep(app, id, change, reason) {
        reasons.push(reason);
        model = withStep(app, model, id, change);
        keeper.follow(app, stateOf(model));
      },
    },
    report: (event) => events.push(event),
  });
  keeper.follow("a1", stateOf(model));
  const probes = (count: number, success: boolean, host = HOST): void => {
    for (let number = 0; number < count; number++) keeper.probed("a1", host, success);
  };
  const clients = (count: number, ok: boolean, flavor = "2.0"): void => {
    const feedback = { app: "a1", host: "10.0.0.1", flavor, rollout: null, nonce: "", ok };
    for (let number = 0; number < count; number++) keeper.reported(feedback);
  };
  /** Lets time pass, with what comes of it. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      clock.advance(LOOK_MS);
      await Bun.sleep(0);
    }
  };
  const at = () => {
    const [{ step, state }] = model.rollouts as [Rollout];
    return `${step} ${state}`;
  };
  return { keeper, clock, events, reasons, probes, clients, pass, at };
}

test("RD131 a rollout whose probes are well goes from step to step when each has lasted, to its end", async () => {
  const { probes, pass, at, events, keeper } = setUp();
  await pass(10_000);
  probes(100, true);
  await pass(49_000);
  expect(at()).toBe("0 running");
  await pass(1_000);
  expect(at()).toBe("1 running");
  // What was seen of the step before says nothing of this one.
  await pass(120_000);
  expect(at()).toBe("1 running");
  probes(100, true);
  await pass(1_000);
  expect(at()).toBe("2 running");
  await pass(30_000);
  probes(100, true);
  await pass(30_000);
  expect(at()).toBe("2 done");
  expect(events.map(({ level, text }) => `${level} ${text}`)).toEqual([
    "info a1: rollout beta goes on from 1 % to 5 %: the step has lasted",
    "info a1: rollout beta goes on from 5 % to 25 %: the step has lasted",
    "info a1: rollout beta is done at 25 %: the last step has lasted",
  ]);
  expect(keeper.status()).toMatchObject([{ app: "a1", rollout: "beta", percent: 25, state: "done" }]);
});

test("RD130 a gate that fails takes the step back, with a warning and the reason for who writes it", async () => {
  const { probes, pass, at, events, reasons } = setUp({ step: 1 });
  probes(97, true);
  probes(3, false);
  await pass(1_000);
  expect(at()).toBe("0 rolled_back");
  const reason = "3 % of 100 samples fail; at most 2 % may";
  expect(reasons).toEqual([reason]);
  expect(events).toEqual([
    {
      event: "redirect_rollout",
      level: "warning",
      text: `a1: rollout beta goes back from 5 % to 1 %: ${reason}`,
      fields: { app: "a1", rollout: "beta", kind: "rolled_back", from: 5, to: 1 },
    },
  ]);
  probes(500, false);
  await pass(100_000);
  expect(at()).toBe("0 rolled_back");
});

test("RD130 what clients report decides as well, and many probes that are well do not hide it", async () => {
  const { probes, clients, pass, at } = setUp({ step: 1 });
  probes(5_000, true);
  clients(95, true);
  clients(4, false);
  await pass(1_000);
  expect(at()).toBe("1 running");
  clients(1, false);
  await pass(1_000);
  expect(at()).toBe("0 rolled_back");
});

test("only hosts that clients of the rollout may get count", async () => {
  const { probes, clients, pass, at } = setUp({ step: 1 });
  probes(200, false, { stack: "/EU/z1", flavor: "1.0" });
  probes(200, false, { stack: "/EU/z9", flavor: "2.0" });
  clients(200, false, "1.0");
  await pass(5_000);
  expect(at()).toBe("1 running");
  const stack = setUp({ step: 1, server: serverOf("/EU/z1/2.0") });
  stack.probes(200, false);
  await stack.pass(1_000);
  expect(stack.at()).toBe("0 rolled_back");
});

test("what begins to fail late in a long step is seen within minutes", async () => {
  const { probes, pass, at } = setUp({ step: 1, bake_ms: 86_400_000 });
  for (let minute = 0; minute < 60; minute++) {
    probes(1_000, true);
    await pass(60_000);
  }
  for (let minute = 0; minute < 2; minute++) {
    probes(120, false);
    await pass(60_000);
  }
  expect(at()).toBe("0 rolled_back");
});

test("what cannot be written is told once and tried again, and who is too late says nothing", async () => {
  let tries = 0;
  const writer: RolloutWriter = {
    async setStep(app, rollout) {
      if (++tries < 4) throw new Error("the store is away");
      throw new StaleRollout(app, rollout, "is done at step 2");
    },
  };
  const { pass, events } = setUp({ gate: null, since_ms: START - 60_000 }, writer);
  await pass(20_000);
  expect(tries).toBe(4);
  expect(events).toEqual([
    {
      event: "redirect_rollout_failed",
      level: "warning",
      text: "a1: the next step of rollout beta cannot be written: the store is away",
    },
  ]);
});

test("another change of the model keeps what was seen, and an application that is gone is not looked at", async () => {
  const { keeper, probes, pass } = setUp();
  probes(40, true);
  const model = modelOf({ rollouts: [rolloutOf({ since_ms: START, salt: "other" })], whitelist: ["/EU/z1"] });
  keeper.follow("a1", stateOf(model));
  expect(keeper.status()[0]!.signal).toEqual({ failing: 0, samples: 40 });
  keeper.keep(new Set());
  expect(keeper.status()).toEqual([]);
  probes(1, true);
  await pass(2_000);
  keeper.follow("a1", stateOf(null));
  expect(keeper.status()).toEqual([]);
});
