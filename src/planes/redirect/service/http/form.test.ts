import { expect, test } from "bun:test";
import { formField, isForm } from "./form.ts";

const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test("fields of a form as clients write it, also with line ends and beginnings of the boundary in them", async () => {
  const form = new FormData();
  const bytes = new Uint8Array([0, 13, 10, 45, 45, 255, 13, 10]);
  form.set("first", "{}\r\n--x\r\n");
  form.set("file", new Blob([bytes]), "backup.zip");
  form.set("empty", "");
  const request = new Response(form);
  const type = request.headers.get("content-type")!;
  const body = await request.bytes();
  expect(isForm(type)).toBe(true);
  expect(textOf(formField(body, type, "first"))).toBe("{}\r\n--x\r\n");
  expect(formField(body, type, "file")).toEqual(bytes);
  expect(textOf(formField(body, type, "empty"))).toBe("");
  expect(formField(body, type, "none")).toBeNull();
  for (let length = 0; length < body.length - 4; length++)
    expect(() => formField(body.subarray(0, length), type, "none")).toThrow("the form cannot be read");
});

test("boundaries in quotes, names without them, heads in any case", () => {
  const body = bytesOf(
    'before\r\n--a b\r\nCONTENT-TYPE: x\r\ncontent-disposition: form-data; filename="name=y"; name=one\r\n\r\n1\r\n--a b--\r\nafter',
  );
  const type = 'Multipart/Form-Data; charset=utf-8; boundary="a b"';
  expect(textOf(formField(body, type, "one"))).toBe("1");
  expect(formField(body, type, "y")).toBeNull();
  expect(() => formField(body, "multipart/form-data", "one")).toThrow("no boundary");
  expect([isForm(null), isForm("application/zip")]).toEqual([false, false]);
});

test("a form of very many fields ends", () => {
  const part = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n';
  expect(() =>
    formField(bytesOf(`${part.repeat(200)}--b--`), "multipart/form-data; boundary=b", "z"),
  ).toThrow("cannot be read");
});
