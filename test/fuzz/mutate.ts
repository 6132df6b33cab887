/** New inputs out of known ones. */
import type { RandomSource } from "./random_source.ts";

export interface Material {
  /** At least one. */
  readonly inputs: Uint8Array[];
  readonly tokens: readonly Uint8Array[];
  readonly maxLength: number;
}

type Mutation = (bytes: Uint8Array, random: RandomSource, material: Material) => Uint8Array;

/** Bytes on which parsers decide. */
const INTERESTING_BYTES = Uint8Array.from(
  Buffer.from("\0\t\n\r \"#%&'()*+,-./019:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\xa0\xc0\xff", "latin1"),
);
const INTERESTING_TEXTS = ["\r\n", "\r\n\r\n", "0", "-1", "+1", "0x10", "1e3", "255", "256", "65535", "65536"]
  .concat([
    "4294967295",
    "4294967296",
    "9007199254740993",
    "99999999999999999999",
    "\xef\xbb\xbf",
    "%00",
    "%2f",
  ])
  .map((text) => Uint8Array.from(Buffer.from(text, "latin1")));

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const pick = <T>(list: ArrayLike<T>, random: RandomSource): T => list[random.below(list.length)]!;

/** Two places of the input, the first not behind the second. */
function range(bytes: Uint8Array, random: RandomSource): [number, number] {
  const start = random.below(bytes.length + 1);
  const longest = bytes.length - start;
  return [start, start + random.below(random.below(4) === 0 ? longest + 1 : Math.min(longest, 8) + 1)];
}

function insert(bytes: Uint8Array, part: Uint8Array, random: RandomSource): Uint8Array {
  const [start, end] = range(bytes, random);
  const over = random.below(2) === 0;
  return joined(bytes.subarray(0, start), part, bytes.subarray(over ? end : start));
}

function change(bytes: Uint8Array, random: RandomSource, to: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(to(0));
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = to(copy[at]!);
  return copy;
}

const flipBit: Mutation = (bytes, random) => change(bytes, random, (byte) => byte ^ (1 << random.below(8)));
const stepByte: Mutation = (bytes, random) => change(bytes, random, (byte) => byte + 1 - 2 * random.below(2));
const setByte: Mutation = (bytes, random) => change(bytes, random, () => pick(INTERESTING_BYTES, random));
const insertByte: Mutation = (bytes, random) =>
  insert(
    bytes,
    Uint8Array.of(random.below(2) === 0 ? random.below(256) : pick(INTERESTING_BYTES, random)),
    random,
  );
const insertText: Mutation = (bytes, random) => insert(bytes, pick(INTERESTING_TEXTS, random), random);
const insertToken: Mutation = (bytes, random, { tokens }) =>
  tokens.length === 0
    ? insertText(bytes, random, { inputs: [], tokens, maxLength: 0 })
    : insert(bytes, pick(tokens, random), random);
const remove: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return joined(bytes.subarray(0, start), bytes.subarray(end));
};
const cut: Mutation = (bytes, random) => bytes.slice(0, random.below(bytes.length + 1));
const repeat: Mutation = (bytes, random, { maxLength }) => {
  const [start, end] = range(bytes, random);
  const part = bytes.subarray(start, end);
  const often = Math.min(
    1 + random.below(random.below(8) === 0 ? 2_000 : 4),
    Math.ceil(maxLength / Math.max(1, part.length)),
  );
  return joined(bytes.subarray(0, end), ...Array.from({ length: often }, () => part), bytes.subarray(end));
};
const copyElsewhere: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return insert(bytes, bytes.slice(start, end), random);
};
const splice: Mutation = (bytes, random, { inputs }) => {
  const other = pick(inputs, random);
  return joined(
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  );
};
const insertOther: Mutation = (bytes, random, { inputs }) => {
  const other = pick(inputs, random);
  return insert(bytes, other.subarray(...range(other, random)), random);
};

/** Tokens stand twice: they find more than single bytes where a language has words. */
const MUTATIONS: readonly Mutation[] = [
  flipBit,
  stepByte,
  setByte,
  insertByte,
  insertText,
  insertToken,
  insertToken,
  remove,
  cut,
  repeat,
  copyElsewhere,
  splice,
  insertOther,
];

/** One input with 1 to 8 changes, mostly few, at most `maxLength` bytes long. */
export function mutate(material: Material, random: RandomSource): Uint8Array {
  let bytes = pick(material.inputs, random);
  let changes = 1 + random.below(1 + random.below(8));
  for (; changes > 0; changes--) {
    bytes = pick(MUTATIONS, random)(bytes, random, material);
    if (bytes.length > material.maxLength) bytes = bytes.slice(0, material.maxLength);
  }
  return bytes;
}
