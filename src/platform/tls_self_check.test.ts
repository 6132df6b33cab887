import { expect, test } from "bun:test";
import { checkTlsEngines } from "./tls_self_check.ts";

test("this runtime does TLS in both fast ways, and is asked once", async () => {
  const first = checkTlsEngines();
  expect(checkTlsEngines()).toBe(first);
  expect(await first).toEqual({ listener: true, upgrade: true });
});
