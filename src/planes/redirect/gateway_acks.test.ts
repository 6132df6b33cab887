import { expect, test } from "bun:test";
import { ManualClock } from "../../platform/clock.ts";
import type { Registration, Store } from "../../store/contract.ts";
import { GatewayAcks, GATEWAYS } from "./gateway_acks.ts";

/** Refuses as often as it is told; fault injection, no store. */
function refusingStore(refusals: number): { readonly store: Store; readonly told: string[] } {
  const told: string[] = [];
  const register = (path: string): Promise<Registration> => {
    if (refusals-- > 0) return Promise.reject(new Error("refused"));
    told.push(path);
    return Promise.resolve({ close: () => Promise.resolve() } as Registration);
  };
  return { store: { register } as Partial<Store> as Store, told };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test("what a store has refused is told again after waits that double, until it is taken", async () => {
  const clock = new ManualClock();
  const { store, told } = refusingStore(3);
  const failures: string[] = [];
  const state = { apps: {}, lists_version: 1, is_offline: false };
  const acks = new GatewayAcks(
    store,
    clock,
    () => state,
    (text) => void failures.push(text),
  );
  acks.changed();
  for (const [waitMs, failed, taken] of [
    [49, 0, 0],
    [1, 1, 0],
    [999, 1, 0],
    [1, 2, 0],
    [2_000, 3, 0],
    [3_999, 3, 0],
    [1, 3, 1],
    [100_000, 3, 1],
  ] as const) {
    clock.advance(waitMs);
    await settled();
    expect([waitMs, failures.length, told.length]).toEqual([waitMs, failed, taken]);
  }
  expect(told[0]).toStartWith(`${GATEWAYS}/`);
  await acks.close();
});

test("a change does not wait for the next try, and none follows once it is closed", async () => {
  const clock = new ManualClock();
  const { store, told } = refusingStore(2);
  const state = { apps: {}, lists_version: 1, is_offline: false };
  const acks = new GatewayAcks(
    store,
    clock,
    () => state,
    () => {},
  );
  for (const expected of [0, 0, 1]) {
    acks.changed();
    clock.advance(50);
    await settled();
    expect(told.length).toBe(expected);
  }
  const broken = refusingStore(1);
  const other = new GatewayAcks(
    broken.store,
    clock,
    () => state,
    () => {},
  );
  other.changed();
  clock.advance(50);
  await settled();
  await other.close();
  clock.advance(100_000);
  await settled();
  expect(broken.told).toEqual([]);
});
