import { expect, test } from "bun:test";
import { localHead } from "./answers.ts";
import { isEventStream } from "./event_stream.ts";

test("an event stream is known by its media type, whatever the case and the parameters", () => {
  const types = [
    "text/event-stream",
    "Text/Event-Stream; charset=utf-8",
    "text/event-stream ;x=y",
    "text/event-streams",
    "text/html; a=text/event-stream",
    "",
  ];
  expect(types.map((type) => isEventStream(localHead(`Content-Type: ${type}\r\n`)))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(isEventStream(localHead("X: text/event-stream\r\n"))).toBe(false);
});
