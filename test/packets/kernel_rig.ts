/** The packet program in the kernel with services of a test, run on one packet after the other (BPF_PROG_TEST_RUN). */
import { readFileSync } from "node:fs";
import { hashBytes } from "../../src/core/strategies/hash.ts";
import { maglevTable } from "../../src/core/strategies/maglev.ts";
import type { KernelMap } from "../../src/kernel/maps.ts";
import { KernelObject } from "../../src/kernel/object.ts";
import { testRun } from "../../src/kernel/programs.ts";
import * as layout from "../../src/planes/packet/layout.ts";
import { addressBytes, type Protocol } from "./frames.ts";

export type Driver = "tc" | "xdp";

const NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 };
/** Verdicts of the hooks, by what they mean. */
const VERDICTS: Readonly<Record<Driver, Readonly<Record<number, string>>>> = {
  tc: { 0: "pass", 2: "drop", 7: "redirect" },
  xdp: { 1: "drop", 2: "pass", 4: "redirect", 0: "aborted" },
};
/** Test runs come from the loopback interface. */
const INTERFACE = 1;
/** The smallest ring of a service. */
export const RING_SLOTS = 251;

export interface RigBackend {
  readonly address: string;
  readonly port: number;
  readonly weight?: number;
}

export interface RigService {
  readonly vip: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly backends: readonly RigBackend[];
  /** In ticks. */
  readonly affinity?: number;
  readonly no_backend?: number;
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Small, because they are made for each test. */
const SIZES = { flows4: 4_096, flows6: 4_096, half_open4: 4_096, half_open6: 4_096, ring_slots: 65_536 };

export class KernelRig {
  /** A program for each side; the second has the maps of the first. */
  readonly #frontend: KernelObject;
  readonly #backend: KernelObject;
  readonly #driver: Driver;
  #services = 0;
  #backends = 0;
  #slots = 0;

  constructor(driver: Driver, sizes: Readonly<Record<string, number>> = {}) {
    this.#driver = driver;
    const bytes = new Uint8Array(readFileSync(`bpf/built/packet_${driver}.o`));
    const own = (role: number) => ({
      own: layout.port.encode({ interface: INTERFACE, role, opposite: INTERFACE }),
    });
    this.#frontend = new KernelObject(bytes, {
      max_entries: { ...SIZES, ...sizes },
      constants: own(layout.ROLE_FRONTEND),
    });
    this.#backend = new KernelObject(bytes, {
      known: this.#frontend.maps,
      constants: own(layout.ROLE_BACKEND),
    });
    if (driver === "xdp") this.map("doors").update(u32(INTERFACE), u32(INTERFACE));
  }

  map(name: string): KernelMap {
    return this.#frontend.map(name);
  }

  /** Adds a service; its backends have the ids that are returned. */
  add({ vip, port, protocol, backends, affinity = 0, no_backend = 0 }: RigService): number[] {
    const id = ++this.#services;
    const ids = backends.map((backend) => this.#addBackend(backend));
    const keys = backends.map(({ address, port: own }) => `${address}:${own}`);
    const weights = backends.map(({ weight = 1 }) => weight);
    const table = backends.length === 0 ? [] : [...maglevTable(keys, weights, RING_SLOTS)];
    this.#writeRing(
      id,
      table.map((index) => ids[index]!),
    );
    const address = addressBytes(vip);
    const is4 = address.length === 4;
    const key = (is4 ? layout.service_key4 : layout.service_key6).encode({
      vip: address,
      port,
      protocol: NUMBERS[protocol],
    });
    this.map(is4 ? "services4" : "services6").update(
      key,
      layout.service.encode({ id, affinity, no_backend }),
    );
    return ids;
  }

  /** What is true of an address, whatever its ports. */
  addVip(address: string, facts: { readonly other_ports?: number; readonly answers_echo?: number }): void {
    const bytes = addressBytes(address);
    this.map(bytes.length === 4 ? "vips4" : "vips6").update(bytes, layout.vip.encode(facts));
  }

  #addBackend({ address, port }: RigBackend): number {
    const id = ++this.#backends;
    this.setBackend(id, address, port);
    return id;
  }

  /** `generation` of another owner of the id; `flags` as in bpf/layout.h. */
  setBackend(id: number, address: string, port: number, flags = 0, generation = 1): void {
    const bytes = layout.backend.encode({ address: addressBytes(address), port, flags, generation });
    this.map("backends").update(u32(id), bytes);
  }

  #writeRing(id: number, ids: readonly number[]): void {
    const offset = this.#slots;
    this.#slots += ids.length + (ids.length % 2);
    for (let slot = 0; slot < ids.length; slot += 2)
      this.map("ring_slots").update(
        u32((offset + slot) / 2),
        Uint8Array.of(...u32(ids[slot]!), ...u32(ids[slot + 1] ?? 0)),
      );
    this.map("rings").update(u32(id), layout.ring.encode({ offset, length: ids.length }));
  }

  /** From a client. */
  forward(frame: Uint8Array): { readonly fate: string; readonly frame: Uint8Array } {
    return this.#run(this.#frontend, frame);
  }

  /** From a backend. */
  back(frame: Uint8Array): { readonly fate: string; readonly frame: Uint8Array } {
    return this.#run(this.#backend, frame);
  }

  #run(object: KernelObject, frame: Uint8Array): { readonly fate: string; readonly frame: Uint8Array } {
    const { verdict, packet } = testRun(object.program("packet"), frame);
    return { fate: VERDICTS[this.#driver][verdict] ?? `verdict ${verdict}`, frame: packet };
  }

  /** Sum over all processors. */
  count(index: number): number {
    const values = new BigUint64Array(this.map("counts").lookup(u32(index))!.buffer);
    return Number(values.reduce((sum, value) => sum + value, 0n));
  }

  close(): void {
    this.#backend.close(this.#frontend.maps);
    this.#frontend.close();
  }
}

/** The slot that the program takes: the twin of `hash_words` and `ring_backend` in bpf/choose.h. */
export function slotOf(key: Uint8Array, seed: number, length: number): number {
  return Number((BigInt(hashBytes(key, seed)) * BigInt(length)) >> 32n);
}
