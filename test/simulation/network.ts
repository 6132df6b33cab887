/**
 * A network in memory with virtual time. Everything that happens is an event; when it happens is drawn from the seed. Its
 * sockets behave as those of Bun do on Linux: short writes and drain, pause, half-closed ends, RST that drops what was not
 * read, close events within `close()` and `terminate()`.
 */
import type { ClientConnection } from "../../src/net/h1/client.ts";
import type { ByteSocket } from "../../src/net/h1/output.ts";
import type { ByteConsumer } from "../../src/net/listener.ts";
import type { MakeConnector } from "../../src/planes/http/attempts.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import type { SocketAddress } from "../../src/platform/socket_address.ts";
import { randomSource } from "../fuzz/random_source.ts";

const ECONNRESET = 104;
const ECONNREFUSED = 111;
const MOST_PER_EVENT = 65_536;
/** Without an event the clock moves in steps, because a timer may start something that is due before the next event. */
const STEP_MS = 25;

export class Dice {
  readonly below: (limit: number) => number;

  constructor(seed: number) {
    this.below = randomSource(seed).below;
  }

  chance(part: number): boolean {
    return this.below(1_000_000) < part * 1_000_000;
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

interface Event {
  readonly at: number;
  /** Among events of one moment the seed decides. */
  readonly order: number;
  readonly run: () => void;
}

export interface Weather {
  readonly delayMs: number;
  /** Part of the writes that a socket takes in part, and of the deliveries that are split. */
  readonly shortWrites: number;
  readonly splits: number;
  /** Bytes that a direction holds. */
  readonly windowBytes: number;
  /** A fault of the simulation itself, to see that it is found: bytes that Fairlead's sockets lose in a short write. */
  readonly lostBytes: number;
}

/** What a backend's address does with a new connection. */
export interface Port {
  decide(): "accept" | "refuse" | "refuse_at_once" | "silent";
  accept(end: Endpoint): void;
}

export class Network {
  readonly clock = new ManualClock();
  readonly dice: Dice;
  readonly weather: Weather;
  readonly ports = new Map<string, Port>();
  /** Sockets of Fairlead that are not closed. */
  readonly open = new Set<Endpoint>();
  connects = 0;
  readonly #events: Event[] = [];

  constructor(dice: Dice, weather: Weather) {
    this.dice = dice;
    this.weather = weather;
    // A time of 0 stands for none in places.
    this.clock.advance(1_000);
  }

  /** Milliseconds that something takes on its way. */
  get delay(): number {
    return this.dice.below(this.weather.delayMs * 10) / 10;
  }

  after(delayMs: number, run: () => void): void {
    const event: Event = { at: this.clock.now() + delayMs, order: this.dice.below(1_000_000), run };
    const events = this.#events;
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, events[parent]!)) break;
      events[at] = events[parent]!;
      at = parent;
    }
    events[at] = event;
  }

  #take(): Event {
    const events = this.#events;
    const first = events[0]!;
    const last = events.pop()!;
    let at = 0;
    while (events.length > 0) {
      let child = 2 * at + 1;
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child++;
      if (child >= events.length || isBefore(last, events[child]!)) {
        events[at] = last;
        break;
      }
      events[at] = events[child]!;
      at = child;
    }
    return first;
  }

  /** Lets time pass until `isOver` or `untilMs` on the clock. */
  run(isOver: () => boolean, untilMs: number): void {
    const { clock } = this;
    while (!isOver() && clock.now() < untilMs) {
      const next = this.#events[0]?.at ?? Infinity;
      const wait = next - clock.now();
      if (wait > STEP_MS) clock.advance(STEP_MS);
      else {
        if (wait > 0) clock.advance(wait);
        if (this.#events[0]!.at <= clock.now()) this.#take().run();
      }
    }
  }

  /** Two ends of a connection, Fairlead's first. */
  pair(): [Endpoint, Endpoint] {
    const ours = new Endpoint(this, true);
    const theirs = new Endpoint(this, false);
    ours.peer = theirs;
    theirs.peer = ours;
    this.open.add(ours);
    return [ours, theirs];
  }

  readonly makeConnector: MakeConnector = (handlers) => ({
    connect: (address, attempt) => {
      this.connects++;
      const port = this.ports.get(address.text);
      const decision = port === undefined ? "refuse" : port.decide();
      if (decision === "refuse_at_once") {
        attempt.attemptState = 2;
        handlers.failed(attempt, ECONNREFUSED, "");
        return;
      }
      const [ours, theirs] = this.pair();
      attempt.socket = ours as never;
      ours.owner = {
        onData: (bytes) => attempt.attemptState === 1 && handlers.data(attempt, bytes as Buffer),
        onDrain: () => attempt.attemptState === 1 && handlers.drain(attempt),
        onEnd: () => attempt.attemptState === 1 && handlers.end(attempt),
        onClose(code) {
          attempt.socket = null;
          if (attempt.attemptState !== 1) return;
          attempt.attemptState = 2;
          handlers.closed(attempt, code);
        },
      };
      if (decision === "silent") return;
      this.after(this.delay, () => {
        if (attempt.attemptState !== 0) return;
        if (decision === "refuse") {
          attempt.attemptState = 2;
          ours.terminate();
          handlers.failed(attempt, ECONNREFUSED, "");
          return;
        }
        attempt.attemptState = 1;
        port!.accept(theirs);
        handlers.connected(attempt);
      });
    },
    cancel(attempt: ClientConnection) {
      if (attempt.attemptState === 2) return;
      attempt.attemptState = 2;
      const { socket } = attempt;
      attempt.socket = null;
      socket?.terminate();
    },
  });

  listen(address: SocketAddress, port: Port): void {
    this.ports.set(address.text, port);
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

const NOBODY: ByteConsumer = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

/** One end of a connection. */
export class Endpoint implements ByteSocket {
  peer!: Endpoint;
  owner: ByteConsumer = NOBODY;
  closed = false;
  readonly #network: Network;
  readonly #lostBytes: number;
  readonly #isOurs: boolean;
  /** What has come and was not read. */
  #input: Uint8Array[] = [];
  #inputBytes = 0;
  #finComes = false;
  #inputOver = false;
  #shut = false;
  #paused = false;
  /** The machine is gone: it takes nothing and says nothing any more. */
  #dead = false;
  #delivering = false;
  #wantsDrain = false;

  constructor(network: Network, isOurs: boolean) {
    const lostBytes = isOurs ? network.weather.lostBytes : 0;
    this.#network = network;
    this.#isOurs = isOurs;
    this.#lostBytes = lostBytes;
  }

  write(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
    const { peer } = this;
    const { dice, weather } = this.#network;
    if (this.closed || this.#shut) return -1;
    if (this.#dead) return length;
    if (peer.closed) {
      this.#network.after(this.#network.delay, () => this.#reset());
      return length;
    }
    let taken = Math.max(0, Math.min(length, weather.windowBytes - peer.#inputBytes));
    if (taken > 1 && dice.chance(weather.shortWrites)) taken = dice.between(1, taken);
    if (taken > 0) {
      peer.#input.push(Uint8Array.prototype.slice.call(bytes, offset, offset + taken));
      peer.#inputBytes += taken;
      peer.#schedule();
    }
    if (taken === length) return taken;
    this.#wantsDrain = true;
    if (peer.#inputBytes < weather.windowBytes) this.#scheduleDrain();
    return taken > 0 ? Math.min(length, taken + this.#lostBytes) : taken;
  }

  #scheduleDrain(): void {
    if (!this.#wantsDrain || this.closed || this.#shut || this.#dead) return;
    this.#wantsDrain = false;
    this.#network.after(this.#network.delay, () => {
      if (!this.closed && !this.#shut && !this.#dead) this.owner.onDrain();
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  shutdown(): void {
    if (this.closed || this.#shut) return;
    this.#shut = true;
    if (!this.#dead) this.#sendFin();
    if (this.#inputOver) this.#network.after(0, () => this.#leave(0));
  }

  #sendFin(): void {
    this.peer.#finComes = true;
    this.peer.#schedule();
  }

  close(): void {
    if (this.closed) return;
    // Fairlead asks the kernel for what nobody has read and lingers then; here there is no descriptor to ask.
    if (this.#inputBytes > 0 && !this.#isOurs) this.#sendReset();
    else if (!this.#shut && !this.#dead) this.#sendFin();
    this.#leave(0);
  }

  end(): void {
    this.close();
  }

  terminate(): void {
    if (this.closed) return;
    this.#sendReset();
    this.#leave(0);
  }

  #sendReset(): void {
    const { peer } = this;
    if (!this.#dead) this.#network.after(this.#network.delay, () => peer.#reset());
  }

  /** The other machine, or its cable, is gone without a word. */
  vanish(): void {
    this.#dead = true;
  }

  #leave(code: number): void {
    if (this.closed) return;
    this.closed = true;
    this.#input = [];
    this.#inputBytes = 0;
    this.#network.open.delete(this);
    this.owner.onClose(code);
  }

  /** RST has come. What was not read is lost, or is read before it is noticed. */
  #reset(): void {
    if (this.closed || this.#dead) return;
    if (this.#inputBytes > 0 && this.#network.dice.chance(0.5))
      this.owner.onData(this.#read(this.#inputBytes));
    this.#leave(ECONNRESET);
  }

  #schedule(): void {
    if (this.#delivering || this.closed || this.#dead || this.#paused || this.#inputOver) return;
    if (this.#inputBytes === 0 && !this.#finComes) return;
    this.#delivering = true;
    this.#network.after(this.#network.delay, () => {
      this.#delivering = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.closed || this.#dead || this.#paused) return;
    if (this.#inputBytes > 0) {
      this.owner.onData(this.#read(this.#portion()));
      this.peer.#scheduleDrain();
      this.#schedule();
      return;
    }
    if (!this.#finComes || this.#inputOver) return;
    this.#inputOver = true;
    if (this.#shut) this.#leave(0);
    else this.owner.onEnd();
  }

  #portion(): number {
    const { dice, weather } = this.#network;
    const most = Math.min(this.#inputBytes, MOST_PER_EVENT);
    if (!dice.chance(weather.splits)) return most;
    return dice.chance(0.3) ? Math.min(most, this.#input[0]!.length) : dice.between(1, most);
  }

  /** A block of its own, as whoever reads it may keep it and write into it. */
  #read(length: number): Buffer {
    const block = Buffer.allocUnsafeSlow(length);
    let at = 0;
    while (at < length) {
      const first = this.#input[0]!;
      const part = Math.min(first.length, length - at);
      block.set(part === first.length ? first : first.subarray(0, part), at);
      at += part;
      if (part === first.length) this.#input.shift();
      else this.#input[0] = first.subarray(part);
    }
    this.#inputBytes -= length;
    return block;
  }
}
