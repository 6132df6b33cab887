/** What the packet program does with single packets, in the kernel, on both hooks. */
import { afterEach, describe, expect, test } from "bun:test";
import { kernelLacking } from "../../src/kernel/rights.ts";
import {
  ABSENT_DROP,
  ABSENT_PASS,
  COUNT_ECHO_ANSWERED,
  COUNT_NO_BACKEND,
  COUNT_WAYS_TAKEN,
} from "../../src/planes/packet/layout.ts";
import { requirement } from "../support/require.ts";
import { maglevTable } from "../../src/core/strategies/maglev.ts";
import { seededRandom } from "../../src/core/strategies/random.ts";
import { ACK, addressBytes, FIN, frameOf, type FrameFields, readFrame, RST } from "./frames.ts";
import { KernelRig, RING_SLOTS, type RigService, slotOf } from "./kernel_rig.ts";

const lacks = requirement("ebpf", kernelLacking());
const VIP = "10.9.9.9";
const VIP6 = "fd00:9::9";
const WEB: RigService = {
  vip: VIP,
  port: 80,
  protocol: "tcp",
  backends: [2, 3, 4].map((host) => ({ address: `10.1.0.${host}`, port: 8_000 + host })),
};
const WEB6: RigService = {
  ...WEB,
  vip: VIP6,
  backends: [2, 3].map((host) => ({ address: `fd00:1::${host}`, port: 8_000 + host })),
};

for (const driver of ["tc", "xdp"] as const) {
  describe.skipIf(lacks !== null)(`packets on ${driver}`, () => {
    const rigs: KernelRig[] = [];
    const rigOf = (...services: readonly RigService[]): KernelRig => {
      const rig = new KernelRig(driver);
      rigs.push(rig);
      for (const service of services) rig.add(service);
      return rig;
    };
    afterEach(() => {
      for (const rig of rigs.splice(0)) rig.close();
    });

    /** Where a client's packet goes to, which must be sound. */
    const sent = (rig: KernelRig, fields: Partial<FrameFields> = {}) => {
      const { fate, frame } = rig.forward(frameOf(fields));
      expect(fate).toBe("redirect");
      const read = readFrame(frame);
      expect(read.is_sound).toBe(true);
      return read;
    };

    const CASES: readonly (readonly [string, RigService, Partial<FrameFields>])[] = [
      ["TCP", WEB, {}],
      ["UDP", { ...WEB, protocol: "udp" }, { protocol: "udp", payload: Buffer.from("odd") }],
      ["echo", { ...WEB, protocol: "icmp", port: 0 }, { protocol: "icmp", source_port: 7, target_port: 1 }],
      ["TCP over IPv6", WEB6, { source: "fd00::7", target: VIP6 }],
      [
        "UDP over IPv6",
        { ...WEB6, protocol: "udp" },
        { source: "fd00::7", target: VIP6, protocol: "udp", payload: Buffer.from("abc") },
      ],
      [
        "echo over IPv6",
        { ...WEB6, protocol: "icmpv6", port: 0 },
        { source: "fd00::7", target: VIP6, protocol: "icmpv6", source_port: 7, target_port: 1 },
      ],
    ];

    for (const [name, service, fields] of CASES)
      test(`P-A1 P-A2 P-A4 [${driver}] ${name}: to a backend, and the answer comes from the service`, () => {
        const rig = rigOf(service);
        const isEcho = fields.protocol?.startsWith("icmp") === true;
        const there = sent(rig, fields);
        const backend = service.backends.find(({ address }) => address === there.target)!;
        expect(backend).toBeDefined();
        if (!isEcho) expect(there.target_port).toBe(backend.port);
        const answer = frameOf({
          ...fields,
          source: backend.address,
          target: there.source,
          source_port: isEcho ? 7 : backend.port,
          target_port: isEcho ? 1 : there.source_port,
          flags: 18,
          ...(isEcho && { type: fields.protocol === "icmp" ? 0 : 129 }),
        });
        const { fate, frame } = rig.back(answer);
        expect(fate).toBe("redirect");
        expect(readFrame(frame)).toMatchObject({ source: service.vip, target: there.source, is_sound: true });
        if (!isEcho) expect(readFrame(frame).source_port).toBe(80);
      });

    test(`P-A3 [${driver}] what is for nobody of ours crosses as it is`, () => {
      const rig = rigOf(WEB);
      for (const frame of [
        frameOf({ target: "10.1.0.2" }),
        frameOf({ target: "10.1.0.2", protocol: "udp" }),
        frameOf({ source: "fd00::7", target: "fd00:1::2" }),
        new Uint8Array([...frameOf().subarray(0, 12), 8, 6, ...new Uint8Array(46)]),
      ]) {
        expect(rig.forward(frame)).toEqual({ fate: "redirect", frame });
        expect(rig.back(frame)).toEqual({ fate: "redirect", frame });
      }
    });

    test(`P-A7 [${driver}] a flow stays with its backend over a thousand packets and another ring`, () => {
      const rig = rigOf(WEB);
      const { target } = sent(rig);
      rig.back(
        frameOf({
          source: target,
          source_port: 8_000 + Number(target.at(-1)),
          target: "10.0.0.7",
          target_port: 40_000,
          flags: 18,
        }),
      );
      const others = WEB.backends.filter(({ address }) => address !== target);
      rig.add({ ...WEB, backends: others });
      for (let packet = 0; packet < 1_000; packet++) expect(sent(rig, { flags: ACK }).target).toBe(target);
      // It is served from the table that no flood reaches.
      expect(rig.map("flows4").entries().length).toBe(2);
      expect(rig.map("half_open4").entries().length).toBe(0);
    });

    test(`P-A10 [${driver}] one client port at two services that share their backends: each answer is its service's`, () => {
      const other = "10.9.9.8";
      const rig = rigOf(WEB, { ...WEB, vip: other });
      const answers = [VIP, other].map((target) => {
        const { target: address, target_port: port } = sent(rig, { target });
        return {
          service: target,
          answer: frameOf({
            source: address,
            source_port: port,
            target: "10.0.0.7",
            target_port: 40_000,
            flags: 18,
          }),
        };
      });
      for (const { service, answer } of answers)
        expect(readFrame(rig.back(answer).frame).source).toBe(service);
      // With one backend there is no second way: refused and counted, never mixed up.
      const narrow = rigOf(
        ...[VIP, other].map((vip) => ({ ...WEB, vip, backends: WEB.backends.slice(0, 1) })),
      );
      sent(narrow);
      expect(narrow.forward(frameOf({ target: other })).fate).toBe("drop");
      expect(narrow.count(COUNT_WAYS_TAKEN)).toBe(1);
    });

    test(`P-B14 [${driver}] protocols that nobody balances cross as they are`, () => {
      const rig = rigOf(WEB);
      for (const protocol of [2, 47, 50, 132]) {
        const frame = frameOf();
        frame[23] = protocol;
        expect(rig.forward(frame)).toEqual({ fate: "redirect", frame });
        expect(rig.back(frame)).toEqual({ fate: "redirect", frame });
      }
    });

    test(`P-B17 [${driver}] random frames cross or are dropped, and no table grows`, () => {
      const rig = rigOf(WEB, WEB6);
      const random = seededRandom(11);
      const fates = new Map<string, number>();
      for (let number = 0; number < 100_000; number++) {
        const frame = number % 2 === 0 ? frameOf() : frameOf({ source: "fd00::7", target: VIP6 });
        for (let change = 0; change < 6; change++)
          frame[Math.floor(random() * frame.length)] = Math.floor(random() * 256);
        const { fate, frame: out } = number % 3 === 0 ? rig.back(frame) : rig.forward(frame);
        fates.set(fate, (fates.get(fate) ?? 0) + 1);
        if (out.length !== frame.length) throw new Error(`${out.length} bytes of ${frame.length}`);
      }
      expect(new Set(fates.keys())).toEqual(new Set(["redirect", "drop"]));
      for (const map of ["flows4", "flows6"])
        expect(rig.map(map).entries().length).toBeLessThanOrEqual(4_096);
    }, 60_000);

    test(`P-A8 [${driver}] three thousand flows follow the weights`, () => {
      const weights = [1, 2, 7];
      const backends = WEB.backends.map((backend, index) => ({ ...backend, weight: weights[index]! }));
      const rig = rigOf({ ...WEB, backends });
      const seen = new Map<string, number>();
      for (let flow = 0; flow < 3_000; flow++) {
        const { target } = readFrame(
          rig.forward(frameOf({ source: `10.8.${flow >> 8}.${flow & 255}` })).frame,
        );
        seen.set(target, (seen.get(target) ?? 0) + 1);
      }
      const chiSquare = backends.reduce((sum, { address, weight }) => {
        const expected = 300 * weight;
        return sum + ((seen.get(address) ?? 0) - expected) ** 2 / expected;
      }, 0);
      // With two degrees of freedom a thousandth of all samples is beyond 13.8.
      expect(chiSquare).toBeLessThan(13.8);
    });

    test(`P-B2 [${driver}] the balancer answers echo requests for an address without a service for them`, () => {
      const rig = rigOf(WEB, WEB6);
      for (const [source, target, protocol] of [
        ["10.0.0.7", VIP, "icmp"],
        ["fd00::7", VIP6, "icmpv6"],
      ] as const) {
        const request = frameOf({
          source,
          target,
          protocol,
          source_port: 77,
          target_port: 3,
          payload: Buffer.from("ping!"),
          ttl: 9,
        });
        expect(rig.forward(request)).toEqual({ fate: "redirect", frame: request });
        rig.addVip(target, { answers_echo: 1 });
        const { fate, frame } = rig.forward(request);
        expect(fate).toBe("redirect");
        const swapped = {
          source: target,
          target: source,
          source_port: 77,
          target_port: 3,
          ttl: 64,
          is_sound: true,
        };
        expect(readFrame(frame)).toEqual(swapped);
        expect(Buffer.from(frame.subarray(-5)).toString()).toBe("ping!");
        expect(frame.subarray(0, 12)).toEqual(
          new Uint8Array([...request.subarray(6, 12), ...request.subarray(0, 6)]),
        );
      }
      expect(rig.count(COUNT_ECHO_ANSWERED)).toBe(2);
    });

    test(`P-A9 [${driver}] other ports of an address pass or are dropped`, () => {
      const rig = rigOf(WEB);
      const other = frameOf({ target_port: 81 });
      expect(rig.forward(other)).toEqual({ fate: "redirect", frame: other });
      for (const [other_ports, fate] of [
        [ABSENT_DROP, "drop"],
        [ABSENT_PASS, "redirect"],
      ] as const) {
        rig.addVip(VIP, { other_ports });
        expect(rig.forward(other)).toEqual({ fate, frame: other });
        expect(sent(rig).target).toStartWith("10.1.0.");
      }
    });

    test(`P-D18 [${driver}] the same ports are a new flow after a connection has ended`, () => {
      const rig = rigOf({ ...WEB, backends: WEB.backends.slice(0, 1) });
      expect(sent(rig).target).toBe("10.1.0.2");
      sent(rig, { flags: FIN | ACK });
      rig.add({ ...WEB, backends: WEB.backends.slice(1, 2) });
      expect(sent(rig, { flags: ACK }).target).toBe("10.1.0.2");
      expect(sent(rig).target).toBe("10.1.0.3");
    });

    test(`P-C4 [${driver}] IP options do not hide the ports`, () => {
      const rig = rigOf(WEB);
      for (let words = 1; words <= 10; words++) {
        const options = new Uint8Array(words * 4).fill(1);
        const there = sent(rig, { options, source_port: 41_000 + words });
        expect(WEB.backends.some(({ address }) => address === there.target)).toBe(true);
      }
    });

    test(`P-C1 [${driver}] a UDP checksum of 0 stays 0`, () => {
      const rig = rigOf({ ...WEB, protocol: "udp" });
      const frame = frameOf({ protocol: "udp" });
      frame.set([0, 0], 40);
      const { frame: out } = rig.forward(frame);
      expect([...out.subarray(40, 42)]).toEqual([0, 0]);
      expect(readFrame(out).is_sound).toBe(true);
    });

    test(`P-B16 [${driver}] headers that are cut off at any length are no packet of a flow`, () => {
      const rig = rigOf(WEB, WEB6);
      for (const [whole, header] of [
        [frameOf(), 20],
        [frameOf({ source: "fd00::7", target: VIP6 }), 40],
      ] as const)
        // On tc the kernel runs no frame whose IP header is cut off.
        for (let length = driver === "tc" ? 14 + header : 14; length < whole.length; length++)
          expect([length, rig.forward(whole.subarray(0, length)).fate]).toEqual([length, "drop"]);
      expect(rig.map("half_open4").entries().length + rig.map("half_open6").entries().length).toBe(0);
    });

    test(`P-N5 [${driver}] which backend a packet gets is known without the kernel: 10,000 tuples`, () => {
      const rig = rigOf(WEB);
      const keys = WEB.backends.map(({ address, port }) => `${address}:${port}`);
      const table = maglevTable(keys, [1, 1, 1], RING_SLOTS);
      const random = seededRandom(5);
      const wrong: unknown[] = [];
      for (let number = 0; number < 10_000; number++) {
        const [source, source_port] = [
          `10.7.${number >> 8}.${number & 255}`,
          1 + Math.floor(random() * 65_535),
        ];
        const key = Uint8Array.of(
          ...addressBytes(source),
          ...addressBytes(VIP),
          ...[source_port >> 8, source_port & 255, 0, 80, 6, 0, 0, 0],
        );
        const expected = WEB.backends[table[slotOf(key, 0, RING_SLOTS)]!]!.address;
        const { target } = readFrame(rig.forward(frameOf({ source, source_port })).frame);
        if (target !== expected) wrong.push([source, source_port, target, expected]);
      }
      expect(wrong).toEqual([]);
    });

    test(`P-D10 [${driver}] a service without backends leaks nothing`, () => {
      const rig = rigOf({ ...WEB, backends: [] });
      expect(rig.forward(frameOf()).fate).toBe("drop");
      expect(rig.count(COUNT_NO_BACKEND)).toBe(1);
    });

    test(`P-D24 [${driver}] an id that another backend has now gets no packet of the old one's flows`, () => {
      const rig = rigOf({ ...WEB, backends: WEB.backends.slice(0, 1) });
      sent(rig);
      rig.setBackend(1, "10.1.0.99", 9_000, 0, 2);
      expect(rig.forward(frameOf({ flags: ACK })).fate).toBe("drop");
      expect(rig.forward(frameOf({ flags: RST })).fate).toBe("drop");
    });
  });
}
