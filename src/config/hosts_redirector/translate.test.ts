import { expect, test } from "bun:test";
import { name } from "../../core/schema/name.ts";
import { poolNamesOf } from "./translate.ts";

test("pools are named after load balancers, whatever these are called", () => {
  const names = ["minio", "Minio cluster", "_x", "größe", "a".repeat(200)];
  expect(poolNamesOf(names)).toEqual(["minio", "Minio_cluster", "lb_x", "gr__e", "a".repeat(128)]);
});

test("names that become the same stay apart, in any company and order", () => {
  const [one, two, three] = poolNamesOf(["a b", "a_b", "a\tb"]) as [string, string, string];
  expect(two).toBe("a_b");
  expect(new Set([one, two, three]).size).toBe(3);
  expect(poolNamesOf(["a\tb", "x", "a b"])).toEqual([three, "x", one]);
  for (const each of [one, two, three, ...poolNamesOf(["b".repeat(200), "b".repeat(201)])])
    expect(name().safeParse(each).success).toBe(true);
});
