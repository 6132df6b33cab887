import { expect, test } from "bun:test";
import { z } from "zod";
import { fieldName, fieldValue, lowerFieldName, statusCode } from "./field.ts";
import { inputFile } from "./file_name.ts";
import { name } from "./name.ts";
import { secret } from "./secret.ts";

test("field names are tokens", () => {
  expect(fieldName().parse("X-Request-ID")).toBe("X-Request-ID");
  expect(lowerFieldName().parse("X-Request-ID")).toBe("x-request-id");
  for (const bad of ["", "a b", "a:", "é", "a\r\nb"]) expect(fieldName().safeParse(bad).success).toBe(false);
});

test("field values hold nothing that could end the line", () => {
  expect(fieldValue().safeParse("a\tb \u00ff").success).toBe(true);
  for (const bad of ["a\nb", "a\rb", "a\0b", "\u0100", "\x7f"])
    expect(fieldValue().safeParse(bad).success).toBe(false);
});

test("status codes are those of final answers", () => {
  expect(statusCode().safeParse(200).success).toBe(true);
  for (const bad of [100, 199, 600, 200.5, "200"]) expect(statusCode().safeParse(bad).success).toBe(false);
});

test("names cannot be keys with a meaning in JavaScript", () => {
  for (const good of ["web", "127.0.0.1:80", "unix:/a", "a_b-c.d"])
    expect(name().safeParse(good).success).toBe(true);
  for (const bad of ["", "__proto__", "a b", "-a", 'a"', "x".repeat(129)])
    expect(name().safeParse(bad).success).toBe(false);
});

test("markers stand in the schema where readers find them", () => {
  expect(secret().meta()).toMatchObject({ secret: true });
  expect(inputFile().meta()).toMatchObject({ file: "input" });
  expect(z.toJSONSchema(secret())).toMatchObject({ type: "string" });
});
