/** Fuzz entry of the ZooKeeper client: any bytes as what a server sends, in one piece and in many. */
import { FrameReader } from "../../src/store/zookeeper/frames.ts";
import { JuteError, JuteReader, JuteWriter } from "../../src/store/zookeeper/jute.ts";
import {
  EVENT,
  OPERATION,
  readAnswerHeader,
  readChangeResults,
  readConnectAnswer,
  readStat,
  readWatchEvent,
  XID,
} from "../../src/store/zookeeper/protocol.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const MAX_FRAME_BYTES = 2_048;

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** The frames of `bytes` that come in pieces of this size; ends with the words of a refusal. */
function framesOf(bytes: Uint8Array, piece: number): string[] {
  const reader = new FrameReader(MAX_FRAME_BYTES);
  const frames: string[] = [];
  try {
    for (let from = 0; from < bytes.length; from += piece)
      for (const frame of reader.push(bytes.slice(from, from + piece))) frames.push(frame.toString("latin1"));
  } catch (error) {
    if (!(error instanceof JuteError)) throw error;
    // Frames before the bad one may have come with it or before it.
    frames.push(`refused: ${error.message}`);
  }
  return frames;
}

const READERS: readonly ((reader: JuteReader) => unknown)[] = [
  readConnectAnswer,
  readWatchEvent,
  readStat,
  readChangeResults,
  (reader) => [reader.bytes(), readStat(reader)],
  (reader) => reader.vector(5, () => reader.text()),
];

/** What a reader makes of a record: a value, or null when it refuses. Nothing but JuteError is a refusal. */
function outcome(read: (reader: JuteReader) => unknown, record: Uint8Array): { value: unknown } | null {
  const reader = new JuteReader(record);
  try {
    const value = read(reader);
    check(reader.left >= 0, "a record is read beyond its end");
    return { value };
  } catch (error) {
    if (error instanceof JuteError) return null;
    throw error;
  }
}

function run(bytes: Uint8Array): Outcome {
  const whole = framesOf(bytes, Math.max(1, bytes.length));
  const apart = framesOf(bytes, 1);
  const good = (frames: string[]) => frames.filter((frame) => !frame.startsWith("refused"));
  check(whole.at(-1)?.startsWith("refused") === apart.at(-1)?.startsWith("refused"), "refused by its pieces");
  if (!(whole.at(-1) ?? "").startsWith("refused"))
    check(Bun.deepEquals(whole, apart), "other frames in other pieces");
  else check(good(apart).length >= good(whole).length, "a whole frame is lost");
  let taken = "";
  for (const [number, read] of READERS.entries()) {
    const found = outcome(read, bytes);
    if (found === null) continue;
    taken += number;
    const longer = outcome(read, new Uint8Array([...bytes, 1, 2, 3, 4]));
    check(Bun.deepEquals(longer, found), "what follows a record changes it");
  }
  const header = outcome(readAnswerHeader, bytes);
  return `${taken} ${header === null} ${good(apart).length}`;
}

function stat(writer: JuteWriter): JuteWriter {
  for (let field = 0; field < 4; field++) writer.long(BigInt(field));
  writer.int(3).int(0).int(0).long(0x1000n).int(5).int(0).long(9n);
  return writer;
}

function seeds(): Uint8Array[] {
  const record = (write: (writer: JuteWriter) => unknown) => {
    const writer = new JuteWriter();
    write(writer);
    return new Uint8Array(writer.frame());
  };
  const frames = [
    record((writer) => writer.int(0).int(4_000).long(77n).bytes(new Uint8Array(16)).boolean(false)),
    record((writer) => writer.int(XID.ping).long(5n).int(0)),
    record((writer) => writer.int(XID.notification).long(-1n).int(0).int(EVENT.created).int(3).text("/a/b")),
    record((writer) => stat(writer.int(7).long(6n).int(0).bytes(new Uint8Array(5)))),
    record((writer) => writer.int(2).text("one").text("two")),
    record((writer) => {
      writer.int(OPERATION.create).boolean(false).int(0).text("/a");
      stat(writer.int(OPERATION.setData).boolean(false).int(0));
      writer.int(OPERATION.error).boolean(false).int(-101).int(-101);
      writer.int(-1).boolean(true).int(-1);
    }),
  ];
  // With their lengths as frames, without as records, and all in one.
  return [
    ...frames,
    ...frames.map((frame) => frame.slice(4)),
    new Uint8Array(frames.flatMap((frame) => [...frame])),
  ];
}

export const zookeeperFrames: FuzzEntry = {
  name: "zookeeper_frames",
  seeds,
  run,
  tokens: ["\0\0\0\x04", "\xff\xff\xff\xff", "\x7f\xff\xff\xff"],
  maxLength: 4_096,
};
