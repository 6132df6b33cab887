/**
 * A proxy between a client and a real ZooKeeper that makes faults: it cuts connections, lets nothing through, and may answer
 * `addWatch` in the server's place, as one before 3.6 does.
 */
import { FrameReader } from "../../src/store/zookeeper/frames.ts";
import { JuteWriter } from "../../src/store/zookeeper/jute.ts";
import { CODE, OPERATION } from "../../src/store/zookeeper/protocol.ts";

export interface CuttableProxy {
  /** For the setting `connect`. */
  readonly address: string;
  /** Requests for persistent watches that it has answered. */
  readonly refusedWatches: number;
  /** Nothing passes from now on; new connections are closed. */
  hold(): void;
  release(): void;
  /** Cuts all connections. */
  cut(): void;
  stop(): void;
}

interface Pair {
  upstream: Bun.Socket<Pair> | null;
  readonly client: Bun.Socket<Pair | null>;
  readonly frames: FrameReader;
  isGreeted: boolean;
  waiting: Uint8Array[];
}

const MAX_FRAME_BYTES = 4 * 1_048_576;

export async function startCuttableProxy(
  port: number,
  { knowsAddWatch = true }: { readonly knowsAddWatch?: boolean } = {},
): Promise<CuttableProxy> {
  const pairs = new Set<Pair>();
  let isHeld = false;
  let refusedWatches = 0;

  /** Whole frames, so that one can be taken out. */
  function toServer(pair: Pair, bytes: Uint8Array): void {
    for (const frame of pair.frames.push(new Uint8Array(bytes))) {
      const isAddWatch = pair.isGreeted && frame.length >= 8 && frame.readInt32BE(4) === OPERATION.addWatch;
      pair.isGreeted = true;
      if (isAddWatch && !knowsAddWatch) {
        refusedWatches++;
        const answer = new JuteWriter().int(frame.readInt32BE(0)).long(0n).int(CODE.unimplemented);
        pair.client.write(answer.frame());
        continue;
      }
      const length = Buffer.alloc(4);
      length.writeInt32BE(frame.length);
      const whole = Buffer.concat([length, frame]);
      if (pair.upstream === null) pair.waiting.push(whole);
      else pair.upstream.write(whole);
    }
  }

  function end(pair: Pair): void {
    pairs.delete(pair);
    pair.client.terminate();
    pair.upstream?.terminate();
  }

  const listener = Bun.listen<Pair | null>({
    hostname: "127.0.0.1",
    port: 0,
    data: null,
    socket: {
      async open(client) {
        if (isHeld) {
          client.terminate();
          return;
        }
        const frames = new FrameReader(MAX_FRAME_BYTES);
        const pair: Pair = { upstream: null, client, frames, isGreeted: false, waiting: [] };
        client.data = pair;
        pairs.add(pair);
        pair.upstream = await Bun.connect<Pair>({
          hostname: "127.0.0.1",
          port,
          data: pair,
          socket: {
            data: (_socket, bytes) => void (isHeld || pair.client.write(bytes)),
            close: () => end(pair),
            error: () => end(pair),
          },
        });
        for (const bytes of pair.waiting.splice(0)) pair.upstream.write(bytes);
      },
      data: (client, bytes) => void (isHeld || (client.data !== null && toServer(client.data, bytes))),
      close: (client) => void (client.data !== null && end(client.data)),
      error() {},
    },
  });
  return {
    address: `127.0.0.1:${listener.port}`,
    get refusedWatches() {
      return refusedWatches;
    },
    hold: () => void (isHeld = true),
    release: () => void (isHeld = false),
    cut: () => [...pairs].forEach(end),
    stop() {
      [...pairs].forEach(end);
      listener.stop(true);
    },
  };
}
