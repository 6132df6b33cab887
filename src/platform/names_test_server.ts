/** A small DNS server on loopback (RFC 1035) that answers as a test says. It serves tests of faults and changes. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

export interface TestRecord {
  readonly address: string;
  readonly ttl: number;
}

/** Records of a name, or what goes wrong: `silent` sends no answer. A name that is not set does not exist. */
export type TestZone = Map<string, readonly TestRecord[] | "refused" | "failure" | "silent">;

export interface TestDnsServer extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Keys are names, or `AAAA name` for records of that type alone. */
  readonly zone: TestZone;
  /** `A name` and `AAAA name` in the order of the questions. */
  readonly questions: string[];
}

const TYPE_A = 1;
const TYPE_AAAA = 28;

export async function testDnsServer(): Promise<TestDnsServer> {
  const zone: TestZone = new Map();
  const questions: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const { name, type, end } = readQuestion(message);
    const word = type === TYPE_A ? "A" : type === TYPE_AAAA ? "AAAA" : `type ${type}`;
    questions.push(`${word} ${name}`);
    const found = zone.get(`${word} ${name}`) ?? zone.get(name);
    if (found === "silent") return;
    const code = found === undefined ? 3 : found === "failure" ? 2 : found === "refused" ? 5 : 0;
    const records = typeof found === "object" ? found.filter(({ address }) => typeOf(address) === type) : [];
    const answers = records.map(({ address, ttl }) => recordOf(type, ttl, addressBytes(address)));
    const head = Buffer.alloc(12);
    head.writeUInt16BE(message.readUInt16BE(0), 0);
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    socket.send(Buffer.concat([head, message.subarray(12, end), ...answers]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    zone,
    questions,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length !== 0; length = message[at]!) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function typeOf(address: string): number {
  return address.includes(":") ? TYPE_AAAA : TYPE_A;
}

function addressBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [left = "", right = ""] = address.split("::");
  const words = (text: string) =>
    text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
  const [head, tail] = [words(left), words(right)];
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]));
}

function recordOf(type: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  head.writeUInt32BE(ttl, 6);
  return Buffer.concat([head, data]);
}
