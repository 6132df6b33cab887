import { expect, test } from "bun:test";
import { crc32c } from "./crc32c.ts";
import {
  MAX_V2_BYTES,
  ProxyHeaderError,
  readProxyHeader,
  V2_SIGNATURE,
  type ProxyHeader,
} from "./proxy_protocol.ts";

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** A version 2 header: command and version byte, family byte, addresses and additions. */
function v2(command: number, family: number, body: Uint8Array): Uint8Array {
  return joined(V2_SIGNATURE, Uint8Array.of(command, family, body.length >> 8, body.length & 255), body);
}

const IPV4_BODY = Uint8Array.of(192, 0, 2, 1, 198, 51, 100, 2, 0xdb, 0x1c, 0x01, 0xbb);
const tlv = (type: number, value: Uint8Array) =>
  joined(Uint8Array.of(type, value.length >> 8, value.length & 255), value);

/** The header with a right checksum as its last addition. */
function withSum(command: number, family: number, body: Uint8Array): Uint8Array {
  const header = v2(command, family, joined(body, tlv(0x03, new Uint8Array(4))));
  new DataView(header.buffer).setUint32(header.length - 4, crc32c(header, header.length));
  return header;
}

const problem = (bytes: Uint8Array): string => {
  try {
    return readProxyHeader(bytes) === null ? "incomplete" : "accepted";
  } catch (error) {
    if (!(error instanceof ProxyHeaderError)) throw error;
    return error.message;
  }
};

const TCP4 = {
  family: "ip",
  source: "192.0.2.1",
  sourcePort: 56092,
  destination: "198.51.100.2",
  destinationPort: 443,
} as const;
const unixBody = new Uint8Array(216);
unixBody.set(bytesOf("/run/client"));
unixBody.set(bytesOf("\0abstract"), 108);

const VALID: readonly (readonly [string, Uint8Array, ProxyHeader["addresses"], string])[] = [
  ["v1 TCP4", bytesOf("PROXY TCP4 192.0.2.1 198.51.100.2 56092 443\r\n"), TCP4, ""],
  [
    "v1 TCP6",
    bytesOf("PROXY TCP6 2001:DB8::1 fd00::2 0 65535\r\n"),
    { family: "ip", source: "2001:db8::1", sourcePort: 0, destination: "fd00::2", destinationPort: 65535 },
    "",
  ],
  [
    "v1 TCP6 of full length",
    bytesOf(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    {
      family: "ip",
      source: "ffff:".repeat(7) + "ffff",
      sourcePort: 65535,
      destination: "ffff:".repeat(7) + "ffff",
      destinationPort: 65535,
    },
    "",
  ],
  [
    "v1 TCP6 with mapped addresses",
    bytesOf("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 56092 443\r\n"),
    TCP4,
    "",
  ],
  ["v1 UNKNOWN", bytesOf("PROXY UNKNOWN\r\n"), null, ""],
  ["v1 UNKNOWN, 107 bytes", bytesOf(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`), null, ""],
  ["v2 TCP over IPv4", v2(0x21, 0x11, IPV4_BODY), TCP4, ""],
  ["v2 UDP over IPv4", v2(0x21, 0x12, IPV4_BODY), TCP4, ""],
  [
    "v2 TCP over IPv6",
    v2(
      0x21,
      0x21,
      joined(new Uint8Array(15), Uint8Array.of(1), new Uint8Array(15), Uint8Array.of(2, 0, 7, 1, 0)),
    ),
    { family: "ip", source: "::1", sourcePort: 7, destination: "::2", destinationPort: 256 },
    "",
  ],
  [
    "v2 unix",
    v2(0x21, 0x31, unixBody),
    { family: "unix", source: "/run/client", sourcePort: 0, destination: "@abstract", destinationPort: 0 },
    "",
  ],
  ["v2 unspecified", v2(0x21, 0x00, new Uint8Array(0)), null, ""],
  ["v2 unspecified with bytes", v2(0x21, 0x00, new Uint8Array(9).fill(7)), null, ""],
  ["v2 LOCAL", v2(0x20, 0x00, new Uint8Array(0)), null, ""],
  ["v2 LOCAL with what must be skipped", v2(0x20, 0xff, new Uint8Array(300).fill(3)), null, ""],
  [
    "v2 with a name",
    v2(0x21, 0x11, joined(IPV4_BODY, tlv(2, bytesOf("Www.Example.com")))),
    TCP4,
    "www.example.com",
  ],
  [
    "v2 with additions that are not ours",
    v2(
      0x21,
      0x11,
      joined(IPV4_BODY, tlv(4, new Uint8Array(0)), tlv(0x20, new Uint8Array(5)), tlv(0xee, IPV4_BODY)),
    ),
    TCP4,
    "",
  ],
  ["v2 with a checksum", withSum(0x21, 0x11, joined(IPV4_BODY, tlv(5, new Uint8Array(128)))), TCP4, ""],
  [
    "v2 of the largest size",
    v2(0x21, 0x11, joined(IPV4_BODY, tlv(4, new Uint8Array(MAX_V2_BYTES - 16 - 12 - 3)))),
    TCP4,
    "",
  ],
];

test("H-E22/reader headers of both versions are read whole and at every split", () => {
  for (const [name, header, addresses, authority] of VALID) {
    const stream = joined(header, bytesOf("GET / HTTP/1.1\r\n"));
    expect([name, readProxyHeader(stream)]).toEqual([name, { length: header.length, addresses, authority }]);
    for (let size = 0; size < header.length; size++)
      if (readProxyHeader(stream.subarray(0, size)) !== null)
        throw new Error(`${name}: complete at ${size} bytes`);
  }
});

const MALFORMED: readonly (readonly [string, Uint8Array, string])[] = [
  ["another protocol", bytesOf("GET / HTTP/1.1\r\n"), "does not start with one"],
  ["one byte of another protocol", bytesOf("G"), "does not start with one"],
  ["a method that begins like it", bytesOf("PROPFIND"), "does not start with one"],
  ["a TLS record", Uint8Array.of(22, 3, 1), "does not start with one"],
  ["lower case", bytesOf("proxy "), "does not start with one"],
  ["no line end in 107 bytes", bytesOf(`PROXY UNKNOWN ${"x".repeat(93)}`), "no line end within 107 bytes"],
  ["108 bytes", bytesOf(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`), "no line end within 107 bytes"],
  ["LF alone", bytesOf("PROXY UNKNOWN\n"), "line feed without a carriage return"],
  ["CR alone", bytesOf("PROXY UNKNOWN\rx"), "carriage return without a line feed"],
  ["no protocol", bytesOf("PROXY \r\n"), "none of TCP4, TCP6 and UNKNOWN"],
  ["an unknown protocol", bytesOf("PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n"), "none of TCP4, TCP6 and UNKNOWN"],
  ["UNKNOWN with more letters", bytesOf("PROXY UNKNOWNS\r\n"), "none of TCP4, TCP6 and UNKNOWN"],
  ["a part too few", bytesOf("PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n"), "two addresses and two ports"],
  ["a part too many", bytesOf("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n"), "two addresses and two ports"],
  ["a space at the end", bytesOf("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n"), "two addresses and two ports"],
  ["two spaces", bytesOf("PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n"), "two addresses and two ports"],
  ["an empty address", bytesOf("PROXY TCP4 1.1.1.1  1 1\r\n"), "not IPv4"],
  ["IPv6 as TCP4", bytesOf("PROXY TCP4 ::1 ::1 1 1\r\n"), "not IPv4"],
  ["IPv4 as TCP6", bytesOf("PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n"), "not IPv6"],
  ["a leading zero", bytesOf("PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n"), "not IPv4"],
  ["a port that is too large", bytesOf("PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n"), "not 0 to 65535"],
  ["a port with a leading zero", bytesOf("PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n"), "not 0 to 65535"],
  ["a negative port", bytesOf("PROXY TCP4 1.1.1.1 1.1.1.1 1 -1\r\n"), "not 0 to 65535"],
  ["a broken signature", bytesOf("\r\n\r\n\0\r\nQUIX"), "does not start with one"],
  ["version 1 in binary", v2(0x11, 0x11, IPV4_BODY), "version 1 is not known"],
  ["an unknown command", v2(0x22, 0x11, IPV4_BODY), "command 2 is not known"],
  ["an unknown family", v2(0x21, 0x41, IPV4_BODY), "family 4 is not known"],
  ["an unknown transport", v2(0x21, 0x13, IPV4_BODY), "transport 3 is not known"],
  ["too short for its addresses", v2(0x21, 0x21, IPV4_BODY), "12 bytes are too few for its addresses"],
  ["a length over the limit", v2(0x21, 0x11, new Uint8Array(MAX_V2_BYTES)), "over the limit of 4096"],
  ["an addition that is cut", v2(0x21, 0x11, joined(IPV4_BODY, Uint8Array.of(4, 0))), "cut short"],
  [
    "an addition that is too long",
    v2(0x21, 0x11, joined(IPV4_BODY, Uint8Array.of(4, 0, 1))),
    "longer than the header",
  ],
  [
    "a checksum of three bytes",
    v2(0x21, 0x11, joined(IPV4_BODY, tlv(3, new Uint8Array(3)))),
    "3 bytes instead of 4",
  ],
  ["a wrong checksum", v2(0x21, 0x11, joined(IPV4_BODY, tlv(3, new Uint8Array(4)))), "the checksum is wrong"],
  [
    "a name with a space",
    v2(0x21, 0x11, joined(IPV4_BODY, tlv(2, bytesOf("a b")))),
    "bytes that no name has",
  ],
  [
    "a long name",
    v2(0x21, 0x11, joined(IPV4_BODY, tlv(2, new Uint8Array(256).fill(97)))),
    "more than 255 bytes",
  ],
  ["a long unique id", v2(0x21, 0x11, joined(IPV4_BODY, tlv(5, new Uint8Array(129)))), "more than 128 bytes"],
];

test("H-E22/reader malformed headers are refused with one sentence", () => {
  for (const [name, bytes, why] of MALFORMED)
    expect([name, problem(bytes)]).toEqual([name, expect.stringContaining(why)]);
});

test("H-E22/reader each flipped bit under a checksum is noticed", () => {
  const header = withSum(0x21, 0x11, joined(IPV4_BODY, tlv(4, new Uint8Array(8))));
  for (let index = 0; index < header.length * 8; index++) {
    const broken = header.slice();
    broken[index >> 3]! ^= 1 << (index & 7);
    if (problem(broken) !== "accepted") continue;
    // What turns PROXY into LOCAL, the family into unspecified or the checksum's type into another hides the sum.
    const hides = [12 * 8, 13 * 8 + 4];
    const sumType = (header.length - 7) * 8;
    expect(hides.includes(index) || index >> 3 === sumType >> 3).toBe(true);
  }
});

test("the checksum is CRC-32C", () => {
  expect(crc32c(bytesOf("123456789"), 9)).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32), 32)).toBe(0x8a9136aa);
});
