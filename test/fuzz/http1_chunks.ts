/** Fuzz entry of chunked bodies: any bytes as a body, read and sent on. */
import { ChunkRelay } from "../../src/net/h1/chunk_relay.ts";
import { ChunkReader, spans } from "../../src/net/h1/chunks.ts";
import { sendLastChunk } from "../../src/net/h1/chunk_relay.ts";
import { keptTrailers } from "../../src/net/h1/trailers.ts";
import { MemorySocket } from "../support/http1/memory_socket.ts";
import { DEFAULT_NAIVE_LIMITS, NO_LIMITS, readChunks } from "../support/http1/naive_fields.ts";
import { segmentsOf } from "../support/http1/codec_driver.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const { extensionBytes, headerBytes, fields } = DEFAULT_NAIVE_LIMITS;

function check(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new Error(broken);
}

interface Read {
  readonly state: "done" | "more" | "malformed";
  readonly body: string;
  readonly end: number;
}

function readSegments(segments: readonly Uint8Array[]): Read {
  const reader = new ChunkReader(extensionBytes, headerBytes);
  let body = "";
  let end = 0;
  for (const segment of segments) {
    const after = reader.read(segment, 0, segment.length);
    if (after < 0) return { state: "malformed", body: "", end: 0 };
    let before = 0;
    for (let index = 0; index < reader.spanCount; index++) {
      const [from, to] = [spans[index * 2]!, spans[index * 2 + 1]!];
      check(from >= before && to > from && to <= after, "ranges are not in order");
      before = to;
      body += Buffer.from(segment.subarray(from, to)).toString("latin1");
    }
    end += after;
    if (!reader.done) check(after === segment.length, "bytes are left over inside a body");
    else return { state: goodTrailer(reader) ? "done" : "malformed", body, end };
  }
  return { state: "more", body, end };
}

function goodTrailer({ trailer }: ChunkReader): boolean {
  return trailer === null || keptTrailers(trailer, fields) !== null;
}

/** What a receiver gets when the segments are relayed, and whether the body ended. */
function relaySegments(segments: readonly Uint8Array[]): { output: string; done: boolean } | null {
  const writer = {
    byteSocket: new MemorySocket(),
    waiting: null,
    writtenBytes: 0,
    closingFd: -1,
    plainFd: -1,
  };
  const relay = new ChunkRelay(extensionBytes, headerBytes);
  for (const segment of segments) {
    if (relay.relay(writer, segment, 0, segment.length) < 0) return null;
    if (relay.reader.done) break;
  }
  const { done } = relay.reader;
  if (done && !relay.sentEnd) sendLastChunk(writer, "");
  return { output: writer.byteSocket.bytes.toString("latin1"), done };
}

/** Throws when an invariant is broken. */
function run(bytes: Uint8Array): Outcome {
  const whole = readSegments([bytes]);
  const naive = readChunks(Buffer.from(bytes).toString("latin1"), 0, DEFAULT_NAIVE_LIMITS);
  if (typeof naive !== "string")
    check(
      whole.state === "done" && naive.body === whole.body && naive.end === whole.end,
      "the naive reader takes it",
    );
  else check(whole.state !== "done", `the naive reader says ${naive}`);
  const seed = Bun.hash.crc32(bytes);
  for (let round = 0; round < 4; round++) {
    const pieces = round === 0 && bytes.length <= 300 ? bytes.length : 2 + round;
    const cuts = Array.from({ length: pieces }, (_, index) =>
      round === 0 && bytes.length <= 300
        ? index
        : (Math.imul(seed, 31 * (index + 1) + round) >>> 0) % (bytes.length + 1),
    ).toSorted((a, b) => a - b);
    const segments = segmentsOf(bytes, cuts);
    const cut = readSegments(segments);
    // A body that is malformed may have been read for a while; how much of it differs.
    check(cut.state === whole.state, `cut at ${cuts.join()} it is ${cut.state}`);
    if (whole.state !== "malformed")
      check(cut.body === whole.body && cut.end === whole.end, `cut at ${cuts.join()} it differs`);
    checkRelayed(relaySegments(segments), whole);
  }
  return `${whole.state} ${typeof naive} ${whole.body.length >> 2}`;
}

function checkRelayed(relayed: { output: string; done: boolean } | null, { state, body }: Read): void {
  if (relayed === null) {
    check(state === "malformed", "what is sound is not relayed");
    return;
  }
  const again = readChunks(relayed.output, 0, NO_LIMITS);
  check(again !== "malformed", "what is relayed is malformed");
  if (!relayed.done) {
    check(again === "more", "what is relayed is complete and the body is not");
    return;
  }
  if (state !== "done") return;
  const sound = typeof again !== "string" && again.body === body && again.end === relayed.output.length;
  check(sound && again.trailers.length === 0, "what is relayed is another body");
}

export const http1Chunks: FuzzEntry = {
  name: "http1_chunks",
  seeds: () =>
    [
      "5\r\nhello\r\n0\r\n\r\n",
      "5;a=b\r\nhello\r\n00a\r\n0123456789\r\n0\r\nX-T: 1\r\nX-U:2\r\n\r\n",
      "1\r\na\r\n".repeat(20),
      "0\r\n\r\nGET /",
    ]
      .concat(["fffff\r\nabc", 'a;q="x y"\r\n0123456789\r\n0;last\r\n\r\n', "0\r\nContent-Length: 1\r\n\r\n"])
      .map((text) => new Uint8Array(Buffer.from(text, "latin1"))),
  run,
  tokens: ["5\r\nhello\r\n", "0\r\n\r\n", ";a=b", "X-T: 1\r\n", "\r\n", "1\r\na\r\n", "00", "ffffffff"],
};
