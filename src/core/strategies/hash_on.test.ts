import { expect, test } from "bun:test";
import { consistentHash } from "./consistent_hash.ts";
import { requestKey } from "./hash_on.ts";
import { ipHash } from "./ip_hash.ts";
import { roundRobin } from "./round_robin.ts";

const cookie = { kind: "cookie", name: "sid" } as const;

test("the key is the option's, the address by default, the strategy's own where it is fixed", () => {
  expect(requestKey(consistentHash, { hash_on: cookie })).toEqual(cookie);
  expect(requestKey(consistentHash, {})).toEqual({ kind: "address" });
  expect(requestKey(ipHash, { hash_on: cookie })).toEqual({ kind: "address" });
  expect(requestKey(roundRobin, { hash_on: cookie })).toBeNull();
});
