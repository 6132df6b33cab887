/** ClientHello messages for tests, right and wrong ones. */

export interface HelloParts {
  readonly name?: string;
  /** Instead of those made from the other parts; null = none at all. */
  readonly extensions?: Uint8Array | null;
  /** Filler (RFC 7685). */
  readonly padding?: Uint8Array;
  /** Bytes missing at the end, with a message length that fits. */
  readonly cut?: number;
  /** Bytes too many at the end. */
  readonly extra?: number;
}

const u16 = (value: number) => [value >> 8, value & 255];
const extension = (type: number, body: readonly number[]) => [...u16(type), ...u16(body.length), ...body];

/** A handshake message with its header. */
export function clientHello(parts: HelloParts): Uint8Array {
  const name = [...Buffer.from(parts.name ?? "")];
  const made = [
    ...extension(0x0a0a, []),
    ...(parts.padding === undefined ? [] : extension(21, [...parts.padding])),
    ...(name.length === 0 ? [] : extension(0, [...u16(name.length + 3), 0, ...u16(name.length), ...name])),
    ...extension(43, [2, 3, 4]),
  ];
  const extensions = parts.extensions === undefined ? made : parts.extensions;
  const body = [
    ...[3, 3],
    ...Array<number>(32).fill(7),
    ...[32, ...Array<number>(32).fill(9)],
    ...[...u16(4), 0x13, 0x01, 0x13, 0x02],
    ...[1, 0],
    ...(extensions === null ? [] : [...u16(extensions.length), ...extensions]),
    ...Array<number>(parts.extra ?? 0).fill(0),
  ];
  const kept = body.slice(0, body.length - (parts.cut ?? 0));
  return Uint8Array.from([1, kept.length >> 16, ...u16(kept.length & 0xffff), ...kept]);
}

/** The message in records of `size` bytes each. */
export function inRecords(message: Uint8Array, size = 16_384): Uint8Array {
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Uint8Array.of(22, 3, 1, ...u16(part.length)), part);
  }
  return new Uint8Array(Buffer.concat(records));
}
