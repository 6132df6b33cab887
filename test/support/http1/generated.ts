/** Requests made of sound ones by one byte too many, too few or another, at every place where a parser decides. */

/** Bytes that parsers disagree on: controls, white space, separators, what is above 0x7f. */
export const SUSPECT_BYTES: readonly number[] = [
  ...[
    0x00, 0x01, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1f, 0x20, 0x22, 0x23, 0x25, 0x28, 0x2b, 0x2c, 0x2d,
    0x2f,
  ],
  ...[0x30, 0x3a, 0x3b, 0x40, 0x5c, 0x5f, 0x78, 0x7b, 0x7f, 0x80, 0x85, 0xa0, 0xff],
];

export interface Seed {
  readonly name: string;
  readonly text: string;
  /** The range in which bytes are changed. */
  readonly from: number;
  readonly to: number;
}

/** A seed whose changed range is marked by `⟦` and `⟧`. */
function seed(name: string, marked: string): Seed {
  const from = marked.indexOf("⟦");
  const to = marked.indexOf("⟧") - 1;
  return { name, text: marked.replace("⟦", "").replace("⟧", ""), from, to };
}

const HOST = "Host: a.example\r\n";
const CHUNKED = `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
const NEXT = `GET /next HTTP/1.1\r\n${HOST}\r\n`;

/** One per part of a message that groups A to C are about; a second request follows, so that boundaries show. */
export const SEEDS: readonly Seed[] = [
  seed("H-A/empty-line", `⟦\r\n⟧GET /a HTTP/1.1\r\n${HOST}\r\n${NEXT}`),
  seed("H-A/request-line", `⟦GET /a?b=1 HTTP/1.1\r\n⟧${HOST}\r\n${NEXT}`),
  seed("H-A/escaped-target", `GET ⟦/%2f/..?%⟧ HTTP/1.1\r\n${HOST}\r\n${NEXT}`),
  seed("H-A/absolute-form", `GET ⟦http://b.example:80/a⟧ HTTP/1.1\r\n${HOST}\r\n${NEXT}`),
  seed("H-A/asterisk-form", `⟦OPTIONS *⟧ HTTP/1.1\r\n${HOST}\r\n${NEXT}`),
  seed("H-A/connect", `⟦CONNECT a:1⟧ HTTP/1.1\r\n${HOST}\r\n${NEXT}`),
  seed("H-A/host", `GET /a HTTP/1.1\r\n⟦Host: a.example:80\r\n⟧\r\n${NEXT}`),
  seed("H-A/host-ipv6", `GET /a HTTP/1.1\r\nHost: ⟦[::1]:80⟧\r\n\r\n${NEXT}`),
  seed("H-A/old-version", `GET /a ⟦HTTP/1.0\r\nConnection: keep-alive\r\n⟧\r\n${NEXT}`),
  seed("H-B/field", `GET /a HTTP/1.1\r\n${HOST}⟦X-A: b c\r\n⟧X-B: 1\r\n\r\n${NEXT}`),
  seed("H-B/last-field", `GET /a HTTP/1.1\r\n${HOST}⟦A:b\r\n\r\n⟧${NEXT}`),
  seed("H-B/connection", `GET /a HTTP/1.1\r\n${HOST}⟦Connection: x-a\r\n⟧X-A: 1\r\n\r\n${NEXT}`),
  seed(
    "H-B/expect",
    `POST /a HTTP/1.1\r\n${HOST}⟦Expect: 100-continue\r\n⟧Content-Length: 2\r\n\r\nhi${NEXT}`,
  ),
  seed("H-C/length", `POST /a HTTP/1.1\r\n${HOST}⟦Content-Length: 5\r\n\r\n⟧hello${NEXT}`),
  seed(
    "H-C/coding",
    `POST /a HTTP/1.1\r\n${HOST}⟦Transfer-Encoding: chunked\r\n\r\n⟧5\r\nhello\r\n0\r\n\r\n${NEXT}`,
  ),
  seed(
    "H-C/two-framings",
    `POST /a HTTP/1.1\r\n${HOST}⟦Content-Length: 5\r\nTransfer-Encoding: chunked\r\n⟧\r\n0\r\n\r\n${NEXT}`,
  ),
  seed("H-C/chunk-size", `${CHUNKED}⟦5\r\n⟧hello\r\n0\r\n\r\n${NEXT}`),
  seed("H-C/chunk-extension", `${CHUNKED}⟦5;a=b\r\n⟧hello\r\n0\r\n\r\n${NEXT}`),
  seed("H-C/chunk-end", `${CHUNKED}5\r\nhell⟦o\r\n1\r\n⟧x\r\n0\r\n\r\n${NEXT}`),
  seed("H-C/last-chunk", `${CHUNKED}5\r\nhello⟦\r\n0\r\n\r\n⟧${NEXT}`),
  seed("H-C/trailer", `${CHUNKED}5\r\nhello\r\n0\r\n⟦X-T: 1\r\n\r\n⟧${NEXT}`),
];

export interface GeneratedText {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** All texts that differ from a seed by one byte in its range: one put in, one put over another, one left out. */
export function* variantsOf({ name, text, from, to }: Seed): Generator<GeneratedText> {
  const latin1 = (value: string) => new Uint8Array(Buffer.from(value, "latin1"));
  for (let at = from; at <= to; at++) {
    for (const byte of SUSPECT_BYTES) {
      const character = String.fromCharCode(byte);
      const label = `${name} 0x${byte.toString(16).padStart(2, "0")}`;
      yield {
        name: `${label} put in at ${at}`,
        bytes: latin1(text.slice(0, at) + character + text.slice(at)),
      };
      if (at < to)
        yield {
          name: `${label} put over ${at}`,
          bytes: latin1(text.slice(0, at) + character + text.slice(at + 1)),
        };
    }
    if (at < to)
      yield { name: `${name} without ${at}`, bytes: latin1(text.slice(0, at) + text.slice(at + 1)) };
  }
}
