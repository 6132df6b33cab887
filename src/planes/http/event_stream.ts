/** Answers that have no end of their own: server-sent events (HTML Standard 9.2). */
import type { Head } from "../../net/head.ts";

const EVENT_STREAM = /^text\/event-stream\s*(?:;|$)/i;

/** True when the head of an answer says that a stream of events follows. */
export function isEventStream(head: Head): boolean {
  const type = head.get("content-type");
  return type !== null && EVENT_STREAM.test(type);
}
