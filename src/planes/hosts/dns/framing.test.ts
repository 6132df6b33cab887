import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameReader, framed } from "./framing.ts";

function readAll(reader: FrameReader): Buffer[] {
  const messages: Buffer[] = [];
  for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
  return messages;
}

test("messages come out as they went in, whatever the pieces are and whenever they are asked for", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 6 });
  const pieces = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.boolean()), { minLength: 1 });
  fc.assert(
    fc.property(messages, pieces, (sent, sizes) => {
      const stream = Buffer.concat(sent.map(framed));
      const reader = new FrameReader();
      const received: Buffer[] = [];
      for (let at = 0, index = 0; at < stream.length; index++) {
        const [size, asks] = sizes[index % sizes.length]!;
        reader.push(stream.subarray(at, at + size));
        if (asks) received.push(...readAll(reader));
        at += size;
      }
      received.push(...readAll(reader));
      expect(received.map((message) => message.toString("hex"))).toEqual(
        sent.map((message) => Buffer.from(message).toString("hex")),
      );
    }),
  );
});

test("a message of the largest size comes whole out of single bytes, and not before the last one", () => {
  const message = new Uint8Array(65_535).fill(7);
  const reader = new FrameReader();
  let received: Buffer | null = null;
  let early = 0;
  for (const byte of framed(message)) {
    if (received !== null) early++;
    reader.push(Buffer.of(byte));
    received = reader.next();
  }
  expect(early).toBe(0);
  expect(received).toEqual(Buffer.from(message));
});
