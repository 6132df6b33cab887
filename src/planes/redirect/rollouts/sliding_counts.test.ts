import { expect, test } from "bun:test";
import fc from "fast-check";
import { SlidingCounts } from "./sliding_counts.ts";

test("what is older than the window does not count, what is younger than nine tenths of it does (property)", () => {
  const steps = fc.array(fc.record({ passed: fc.nat(400), failed: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (list) => {
      const counts = new SlidingCounts(1_000);
      const seen: { readonly at: number; readonly failed: boolean }[] = [];
      let now = 0;
      for (const { passed, failed } of list) {
        now += passed;
        counts.add(failed, now);
        seen.push({ at: now, failed });
        const within = (ms: number) => seen.filter(({ at }) => at > now - ms);
        const { samples, failing } = counts.at(now);
        expect(samples).toBeWithin(within(900).length, within(1_000).length + 1);
        expect(failing).toBeWithin(
          within(900).filter((one) => one.failed).length,
          within(1_000).filter((one) => one.failed).length + 1,
        );
      }
    }),
  );
});
