/** Bytes of a struct of `bpf/` and the values of its fields. Layouts are generated from what the compiler has made of them. */

/** `number`: in the machine's order; `network`: in network order; `bytes`: as they are, shorter ones filled up with zeros. */
export type FieldKind = "number" | "network" | "bytes";
export type FieldLayout = readonly [offset: number, size: number, kind: FieldKind];
export type FieldValue = number | bigint | Uint8Array;

type Fields = Readonly<Record<string, FieldLayout>>;
/** What a field holds, by its kind. Numbers of eight bytes are told as numbers: none here passes 2^53. */
type Values<Layout extends Fields> = {
  readonly [Name in keyof Layout]: Layout[Name][2] extends "bytes" ? Uint8Array : number;
};

export class Struct<const Layout extends Fields> {
  /** In bytes. */
  readonly size: number;
  readonly #fields: readonly (readonly [name: string, layout: FieldLayout])[];

  constructor(size: number, fields: Layout) {
    this.size = size;
    this.#fields = Object.entries(fields);
  }

  /** Fields that are left out are zero. Throws RangeError for a value that does not fit. */
  encode(values: Partial<Values<Layout>>): Uint8Array {
    const bytes = new Uint8Array(this.size);
    const view = new DataView(bytes.buffer);
    for (const [name, layout] of this.#fields) {
      const value = values[name];
      if (value === undefined) continue;
      if (typeof value === "number") putNumber(view, name, layout, value);
      else putBytes(bytes, name, layout, value);
    }
    return bytes;
  }

  /** `bytes` may be longer: what stands behind is not looked at. */
  decode(bytes: Uint8Array): Values<Layout> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = this.#fields.map(([name, layout]) => [name, valueOf(bytes, view, layout)] as const);
    return Object.fromEntries(found) as Values<Layout>;
  }
}

function putNumber(view: DataView, name: string, [offset, size, kind]: FieldLayout, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * size))
    throw new RangeError(`${name}: ${value} does not fit into ${size} bytes`);
  const isLittle = kind === "number";
  if (size === 1) view.setUint8(offset, value);
  else if (size === 2) view.setUint16(offset, value, isLittle);
  else if (size === 4) view.setUint32(offset, value, isLittle);
  else view.setBigUint64(offset, BigInt(value), isLittle);
}

function putBytes(bytes: Uint8Array, name: string, [offset, size]: FieldLayout, value: Uint8Array): void {
  if (value.length > size) throw new RangeError(`${name}: ${value.length} bytes do not fit into ${size}`);
  bytes.set(value, offset);
}

function valueOf(bytes: Uint8Array, view: DataView, [offset, size, kind]: FieldLayout): Uint8Array | number {
  if (kind === "bytes") return bytes.slice(offset, offset + size);
  const isLittle = kind === "number";
  if (size === 1) return view.getUint8(offset);
  if (size === 2) return view.getUint16(offset, isLittle);
  if (size === 4) return view.getUint32(offset, isLittle);
  return Number(view.getBigUint64(offset, isLittle));
}
