import { expect, test } from "bun:test";
import { apr1 } from "./apr1.ts";

// Made by `openssl passwd -apr1`.
test.each([
  ["H6uskkkW", "", "qt4MiCE6FWTsQbmS3oMwY0"],
  ["H6uskkkW", "a", "GEXZRNS0zCfzz4hrLzm881"],
  ["H6uskkkW", "secret", "NNBs2U5LAblMB3OM9KekS/"],
  ["H6uskkkW", "123456789012345", "h3EWZp.UbRl5CZn0.Ex8r/"],
  ["H6uskkkW", "1234567890123456", "xa2C7J8s3LtBuG0Pkh8wB/"],
  ["H6uskkkW", "12345678901234567", "TiwsKwyMYwIyNLHoAhMoJ/"],
  ["H6uskkkW", "p\u00e4ssw\u00f6rd \u00fcnd mehr als einunddrei\u00dfig", "ih5NsG60DRMQ3/R2hcD1t."],
  ["H6uskkkW", "x".repeat(100), "7IKNNZOrI99J4KBO.r3VV/"],
  ["a", "test", "WOCl4MYc3JBshYJz6ZmCG1"],
])("with the salt %p, %p gives %p", (salt, password, expected) => {
  expect(apr1(new TextEncoder().encode(password), salt)).toBe(expected);
});
