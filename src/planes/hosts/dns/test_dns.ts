/** Helpers of the tests of the responder. Messages are written and read by the package, which is not our reader. */
import { decode, encode, type DecodedPacket, type Packet, type Question } from "dns-packet";
import { once } from "node:events";
import { connect } from "node:net";
import { ManualClock } from "../../../platform/clock.ts";
import { acceptOn } from "../../../platform/sockets.ts";
import { FrameReader, framed } from "./framing.ts";
import type { DnsNames } from "./judge.ts";
import { DnsResponder, type DnsResponderOptions } from "./responder.ts";
import type { DnsEvent } from "./reports.ts";
import { BACKLOG, openSockets } from "./sockets.ts";

export const RD = 0x0100;

export interface TestQuery extends Partial<Omit<Packet, "questions" | "type">> {
  readonly name: string;
  readonly type?: string;
  readonly class?: string;
  /** The size that an OPT record names. */
  readonly edns?: number;
  readonly dnssecOk?: boolean;
  readonly version?: number;
}

export function testQuery(query: TestQuery): Buffer {
  const { name, type = "A", class: klass = "IN", edns, dnssecOk = false, version = 0, ...rest } = query;
  const question: Question = { name, type, class: klass };
  const opt = {
    name: ".",
    type: "OPT",
    udpPayloadSize: edns ?? 1232,
    extendedRcode: 0,
    ednsVersion: version,
    flags: dnssecOk ? 0x8000 : 0,
    options: [],
  } as const;
  const withOpt = edns !== undefined || dnssecOk || version !== 0;
  const additionals = withOpt ? [opt] : [];
  return encode({ type: "query", id: 4_711, flags: RD, questions: [question], additionals, ...rest });
}

/** An answer of the right id and question. */
export function testAnswer(query: Buffer, packet: Partial<Packet> = {}): Buffer {
  const { id, questions } = decode(query);
  return encode({ type: "response", id, questions, flags: 0x0180, ...packet });
}

/** `TYPE data ttl` of each record of a section. */
export function recordTexts(records: Packet["answers"]): string[] {
  return records.map((record) =>
    record.type === "OPT"
      ? `OPT ${record.udpPayloadSize}`
      : `${record.type} ${typeof record.data === "string" ? record.data : JSON.stringify(record.data)} ${record.ttl}`,
  );
}

/** Names that a test changes as it likes; a name without an entry is not ours. */
export class TestNames implements DnsNames {
  readonly entries: Map<string, readonly string[]>;

  constructor(entries: Record<string, readonly string[]>) {
    this.entries = new Map(Object.entries(entries));
  }

  addressesOf(name: string): readonly string[] | null {
    return this.entries.get(name) ?? null;
  }

  namesOf(address: string): readonly string[] {
    return [...this.entries].filter(([, addresses]) => addresses.includes(address)).map(([name]) => name);
  }
}

export interface TestResponder extends Disposable {
  readonly responder: DnsResponder;
  readonly port: number;
  readonly names: TestNames;
  readonly clock: ManualClock;
  readonly events: DnsEvent[];
}

/** A responder on loopback whose time stands still until the test moves it. */
export async function testResponder(
  entries: Record<string, readonly string[]>,
  options: Partial<DnsResponderOptions> = {},
): Promise<TestResponder> {
  const names = new TestNames(entries);
  const clock = new ManualClock();
  const events: DnsEvent[] = [];
  const responder = await DnsResponder.start({
    address: { host: "127.0.0.1", port: 0 },
    ttl_ms: 5_000,
    upstream: [],
    names,
    clock,
    report: (event) => void events.push(event),
    ...options,
  });
  const dispose = () => responder.stop();
  return { responder, port: responder.port, names, clock, events, [Symbol.dispose]: dispose };
}

/** A client over UDP: what came is kept in order. */
export class UdpClient implements Disposable {
  readonly received: Buffer[] = [];
  #socket: Bun.udp.ConnectedSocket<"buffer"> | null = null;
  #wake: () => void = () => {};

  static async to(port: number): Promise<UdpClient> {
    const client = new UdpClient();
    const socket = {
      data: (_socket: unknown, bytes: Buffer) => {
        client.received.push(bytes);
        client.#wake();
      },
      error() {},
    };
    client.#socket = await Bun.udpSocket({ connect: { hostname: "127.0.0.1", port }, socket });
    return client;
  }

  send(message: Uint8Array): void {
    if (!this.#socket!.send(message)) throw new Error("the socket takes nothing");
  }

  /** The next message. Throws when none comes. */
  async next(): Promise<Buffer> {
    const deadline = Date.now() + 5_000;
    while (this.received.length === 0) {
      if (Date.now() >= deadline) throw new Error("no answer came");
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, 5_000);
      await promise;
      clearTimeout(timer);
    }
    return this.received.shift()!;
  }

  async ask(message: Uint8Array): Promise<Buffer> {
    this.send(message);
    return await this.next();
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }
}

export async function askUdp(port: number, message: Uint8Array): Promise<Buffer> {
  using client = await UdpClient.to(port);
  return await client.ask(message);
}

/** Asks over a connection of its own and ends our side, as `nc -N` would. */
export async function askTcp(port: number, message: Uint8Array): Promise<Buffer> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => parts.push(bytes));
  socket.end(framed(message));
  await once(socket, "close");
  const all = Buffer.concat(parts);
  if (all.length < 2 || all.readUInt16BE(0) !== all.length - 2) throw new Error("no whole answer came");
  return all.subarray(2);
}

export async function lookUp(port: number, query: TestQuery): Promise<DecodedPacket> {
  return decode(await askUdp(port, testQuery(query)));
}

/** What the server answers a query with: any number of messages. */
export type UpstreamBehaviour = (query: Buffer, transport: "udp" | "tcp") => readonly Buffer[];

export interface TestUpstream extends Disposable {
  readonly address: { readonly host: string; readonly port: number };
  /** Queries as they came, with the port they came from. */
  readonly queries: { readonly message: Buffer; readonly port: number; readonly transport: "udp" | "tcp" }[];
  behaviour: UpstreamBehaviour;
}

/** A server on UDP and TCP that answers as `behaviour` says. */
export async function testUpstream(behaviour: UpstreamBehaviour): Promise<TestUpstream> {
  const queries: TestUpstream["queries"] = [];
  const { udp, tcp } = await openSockets({ host: "127.0.0.1", port: 0 });
  udp.onMessage = (message, port, address) => {
    queries.push({ message, port, transport: "udp" });
    for (const answer of server.behaviour(message, "udp")) udp.send(answer, port, address);
  };
  const listener = acceptOn<FrameReader | null>(tcp.fd, BACKLOG, {
    data: null,
    socket: {
      open: (socket) => void (socket.data = new FrameReader()),
      data(socket, bytes) {
        socket.data!.push(bytes);
        for (let message = socket.data!.next(); message !== null; message = socket.data!.next()) {
          queries.push({ message, port: socket.remotePort, transport: "tcp" });
          for (const answer of server.behaviour(message, "tcp")) socket.write(framed(answer));
        }
      },
      end: (socket) => socket.close(),
    },
  });
  const server = {
    address: { host: "127.0.0.1", port: udp.port },
    queries,
    behaviour,
    [Symbol.dispose]() {
      udp.close();
      listener.stop(true);
    },
  };
  return server;
}
