import { expect, test } from "bun:test";
import { adjustedTraffic, loadsOf, weightsFor } from "./traffic.ts";

test.each([
  [3, 10, 10, 11, 10],
  [3, 10, 10, 15, 50],
  [200, 1_000, 15, 23, 53],
  [4, 5, 10, 14, 40],
])(
  "RD123 %p of %p hosts, of weight %p the others and %p these: %p %%",
  (adjusted, hosts, own, weight, percent) => {
    const given = { adjusted_hosts: adjusted, hosts, adjusted_weight: weight, default_weight: own };
    expect(adjustedTraffic(given, 10_000).addition_percent).toBe(percent);
  },
);

test("RD123 the bucket, and weights for a wanted share", () => {
  const given = { adjusted_hosts: 4, hosts: 5, adjusted_weight: 14, default_weight: 10 };
  expect(adjustedTraffic(given, 10_000).bucket).toBe(8_484);
  expect(weightsFor(50, 15)).toEqual({ adjusted_weight: 23, default_weight: 15 });
  expect(weightsFor(-150, 15)).toEqual({ adjusted_weight: 0, default_weight: 22 });
  expect(weightsFor(-50, 5)).toEqual({ adjusted_weight: 3, default_weight: 5 });
  for (const edge of [
    { adjusted_hosts: 5, hosts: 5, adjusted_weight: 14, default_weight: 10 },
    { adjusted_hosts: 0, hosts: 0, adjusted_weight: 14, default_weight: 10 },
  ])
    expect(adjustedTraffic(edge, 10_000).addition_percent).toBeNull();
});

test("RD123 connections by flavor and by host", () => {
  const flavors = [
    { flavor: "2.0", percent: 12.5, hosts: 3 },
    { flavor: "1.0", percent: 87.5, hosts: 0 },
  ];
  expect(loadsOf(flavors, 1_001, 100)).toEqual([
    { flavor: "2.0", percent: 12.5, hosts: 3, connections: 125, limit: 300, connections_per_host: 125 / 3 },
    { flavor: "1.0", percent: 87.5, hosts: 0, connections: 876, limit: 0, connections_per_host: 0 },
  ]);
});
