import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requirement } from "../../test/support/require.ts";
import { mountAt, unmountAt } from "../platform/mounts.ts";
import { Btf } from "./btf.ts";
import { ElfObject } from "./elf.ts";
import { KernelLink } from "./links.ts";
import { KernelMap, MapFull, MapType, UpdateRule } from "./maps.ts";
import { KernelObject } from "./object.ts";
import { Pins } from "./pins.ts";
import { testRun } from "./programs.ts";
import { kernelLacking } from "./rights.ts";

const built = (name: string) => new Uint8Array(readFileSync(join("bpf/built", `${name}.o`)));
const lacks = requirement("ebpf", kernelLacking());

/** `XDP_FLAGS_SKB_MODE`: any interface takes it. */
const XDP_GENERIC = 2;

function ip(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...words], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

/** An Ethernet frame with a UDP datagram of IPv4 from that port. */
function datagram(port: number): Uint8Array {
  const frame = new Uint8Array(96);
  frame.set([8, 0, 0x45], 12);
  frame[23] = 17;
  new DataView(frame.buffer).setUint16(34, port);
  return frame;
}

describe("objects as a compiler writes them", () => {
  test("their maps, structs and programs are read", () => {
    const elf = new ElfObject(built("reference_xdp"));
    const btf = new Btf(elf.section(".BTF")!.bytes);
    expect(btf.maps()).toEqual([
      {
        name: "reference_flows",
        type: MapType.lru_hash,
        key_bytes: 16,
        value_bytes: 24,
        max_entries: 65_536,
        flags: 0,
      },
    ]);
    expect(btf.structs().find(({ name }) => name === "flow_key")).toEqual({
      name: "flow_key",
      size: 16,
      members: [
        { name: "source", type: "__be32", offset: 0, size: 4 },
        { name: "target", type: "__be32", offset: 4, size: 4 },
        { name: "source_port", type: "__be16", offset: 8, size: 2 },
        { name: "target_port", type: "__be16", offset: 10, size: 2 },
        { name: "protocol", type: "__u8", offset: 12, size: 1 },
        { name: "zero", type: "", offset: 13, size: 3 },
      ],
    });
  });

  test("what is none, or cut off at any place, is refused with a sentence", () => {
    expect(() => new ElfObject(new Uint8Array(64))).toThrow("not an ELF object");
    const whole = built("reference_tc");
    const foreign = whole.slice();
    foreign[18] = 62;
    expect(() => new ElfObject(foreign)).toThrow("not one of eBPF programs");
    for (let length = 0; length < whole.length; length += 97)
      expect(() => new ElfObject(whole.subarray(0, length))).toThrow(/cut off|not an ELF object/);
  });
});

describe.skipIf(lacks !== null)("in the kernel", () => {
  let object: KernelObject;
  beforeAll(() => (object = new KernelObject(built("reference_xdp"))));
  afterAll(() => object.close());

  test("a program runs on packets and shares its maps", () => {
    expect(new Set(object.programs)).toEqual(new Set(["empty", "reference"]));
    const program = object.program("reference");
    // A flow that is not known yet is dropped and entered (XDP_DROP 1), then it passes (XDP_PASS 2).
    expect([1, 2, 3].map(() => testRun(program, datagram(7)).verdict)).toEqual([1, 2, 2]);
    expect(testRun(program, datagram(8)).verdict).toBe(1);
    const flows = object.map("reference_flows");
    const ports = flows.entries().map(({ key }) => new DataView(key.buffer).getUint16(8));
    expect(ports.toSorted((one, other) => one - other)).toEqual([7, 8]);
    expect(testRun(program, datagram(7)).packet).toEqual(datagram(7));
    expect(testRun(program, datagram(7), 1_000).ns).toBeGreaterThan(0);
  });

  test("keys are found, written by rule, and deleted", () => {
    const map = KernelMap.create({
      name: "test.map",
      type: MapType.hash,
      key_bytes: 4,
      value_bytes: 8,
      max_entries: 3,
      flags: 0,
    });
    const key = (number: number) => new Uint8Array(Uint32Array.of(number).buffer);
    const value = (number: number) => new Uint8Array(BigUint64Array.of(BigInt(number)).buffer);
    expect(map.lookup(key(1))).toBeNull();
    expect(map.update(key(1), value(1), UpdateRule.only_known)).toBe(false);
    expect(map.update(key(1), value(1), UpdateRule.only_new)).toBe(true);
    expect(map.update(key(1), value(2), UpdateRule.only_new)).toBe(false);
    map.update(key(1), value(3));
    expect(map.lookup(key(1))).toEqual(value(3));
    map.updateMany(Uint8Array.of(...key(2), ...key(3)), Uint8Array.of(...value(20), ...value(30)));
    expect(() => map.update(key(4), value(4))).toThrow(MapFull);
    expect(() => map.update(key(4), value(4))).toThrow("the map test.map is full: it holds 3 entries");
    const keys = map.entries().map((entry) => new Uint32Array(entry.key.buffer)[0]!);
    expect(new Set(keys)).toEqual(new Set([1, 2, 3]));
    expect([map.delete(key(1)), map.delete(key(1))]).toEqual([true, false]);
    map.close();
  });

  test("a hundred thousand entries are read whole, and values of all processors", () => {
    const [count, entry] = [100_000, { key_bytes: 4, value_bytes: 4, max_entries: 100_000, flags: 0 }];
    const map = KernelMap.create({ name: "many", type: MapType.hash, ...entry });
    const numbers = Uint32Array.from({ length: count }, (_, index) => index);
    map.updateMany(new Uint8Array(numbers.buffer), new Uint8Array(numbers.buffer));
    const seen = new Set(map.entries().map(({ key }) => new Uint32Array(key.buffer)[0]));
    expect(seen.size).toBe(count);
    map.close();
    const counters = KernelMap.create({ name: "each", type: MapType.percpu_array, ...entry, max_entries: 2 });
    expect(counters.lookup(new Uint8Array(4))!.length % 8).toBe(0);
    expect(counters.entries().length).toBe(2);
    counters.close();
  });

  test("a program that the verifier refuses says why, and one that is not there is named", () => {
    const elf = built("reference_xdp");
    // The first instruction becomes a read through a register that nobody has set.
    const at = Buffer.from(elf).indexOf(
      Buffer.from(new ElfObject(elf).section("xdp")!.bytes.subarray(0, 16)),
    );
    elf.set([0x79, 0x91, 0, 0, 0, 0, 0, 0], at);
    const broken = new KernelObject(elf);
    for (const name of broken.programs.slice(0, 1)) expect(() => broken.program(name)).toThrow("R9 !read_ok");
    expect(() => broken.program("absent")).toThrow("the eBPF object has no program absent");
    broken.close();
  });

  test("pins keep maps, which only an object with the same layout takes over", () => {
    // One of its own: nothing of the machine is touched.
    const files = mkdtempSync(join(tmpdir(), "fairlead-bpf-"));
    mountAt(files, "bpf");
    const pins = new Pins(join(files, "test"));
    try {
      const flows = object.map("reference_flows");
      pins.add("flows", flows.fd);
      expect(pins.names()).toEqual(["flows"]);
      expect(() => pins.add("flows", flows.fd)).toThrow("EEXIST");
      expect(pins.open("absent")).toBeNull();
      const adopted = KernelMap.adopt(flows.definition, pins.open("flows")!);
      const next = new KernelObject(built("reference_xdp"), {
        known: new Map([["reference_flows", adopted]]),
      });
      expect(testRun(next.program("reference"), datagram(9)).verdict).toBe(1);
      expect(testRun(object.program("reference"), datagram(9)).verdict).toBe(2);
      next.close();
      const other = { ...flows.definition, value_bytes: 32 };
      expect(() => KernelMap.adopt(other, pins.open("flows")!)).toThrow("value_bytes 24, expected 32");
    } finally {
      pins.removeAll();
      expect(pins.names()).toEqual([]);
      unmountAt(files);
      rmSync(files, { recursive: true });
    }
  });

  test("a link attaches to an interface and takes another program in its place", () => {
    const name = `fl-test-${process.pid % 100_000}`;
    ip("link", "add", name, "type", "veth", "peer", "name", `${name}p`);
    try {
      const number = Number(readFileSync(`/sys/class/net/${name}/ifindex`, "latin1"));
      const attach = () => KernelLink.create(object.program("empty"), number, XDP_GENERIC);
      const link = attach();
      expect(attach).toThrow("EBUSY");
      link.replace(object.program("reference"));
      link.detach();
      attach().close();
      link.close();
    } finally {
      ip("link", "del", name);
    }
  });
});
