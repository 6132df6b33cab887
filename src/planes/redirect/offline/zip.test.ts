import { expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { readZip, writeZip, ZipProblem } from "./zip.ts";

const LIMITS = { max_entries: 10, max_entry_bytes: 1_000, max_bytes: 1_500 };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const all = (): boolean => true;
const filesOf = (entries: Readonly<Record<string, string>>): Map<string, Uint8Array> =>
  new Map(Object.entries(entries).map(([name, text]) => [name, bytesOf(text)]));

function problemOf(bytes: Uint8Array, limits = LIMITS): string {
  try {
    readZip(bytes, all, limits);
  } catch (error) {
    if (error instanceof ZipProblem) return error.message;
    throw error;
  }
  return "";
}

/** Changes bytes wherever they stand: names, or numbers of directory and header alike. */
function replaced(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  const wanted = Buffer.from(from).toString("latin1");
  expect(text).toContain(wanted);
  return new Uint8Array(Buffer.from(text.replaceAll(wanted, Buffer.from(to).toString("latin1")), "latin1"));
}

test("what is written is read, the same files give the same bytes, and only what is wanted is inflated", () => {
  const files = filesOf({ "a.json": "{}", "a1/b.xml": "x".repeat(900), empty: "", "ö/c": "d" });
  const zip = writeZip(files);
  expect(zip).toEqual(writeZip(files));
  expect(new Map(readZip(zip, all, LIMITS))).toEqual(files);
  expect([...readZip(zip, (name) => name.startsWith("a1/"), LIMITS).keys()]).toEqual(["a1/b.xml"]);
  expect(readZip(writeZip(new Map()), all, LIMITS).size).toBe(0);
});

test("what another program has written is read, with its folders", async () => {
  const folder = `/tmp/fairlead-zip-${process.pid}`;
  const code = `import zipfile
z = zipfile.ZipFile("${folder}.zip", "w", zipfile.ZIP_DEFLATED)
z.writestr("a1/", "")
z.writestr("a1/b.xml", "x" * 900)
z.writestr(zipfile.ZipInfo("stored"), "as it is")
z.comment = b"a comment"
z.close()`;
  const made = Bun.spawnSync(["python3", "-c", code]);
  expect(made.stderr.toString()).toBe("");
  const zip = await Bun.file(`${folder}.zip`).bytes();
  await Bun.file(`${folder}.zip`).delete();
  const files = readZip(zip, all, LIMITS);
  expect([...files].map(([name, bytes]) => [name, bytes.length])).toEqual([
    ["a1/b.xml", 900],
    ["stored", 8],
  ]);
});

test("names that lead out of a folder refuse the whole file, also where nobody wants the entry", () => {
  const zip = writeZip(filesOf({ "ab/c.txt": "x", other: "y" }));
  for (const name of [
    "../c.txt",
    "/b/c.txt",
    "ab/../tx",
    "ab\\c.txt",
    "ab//.txt",
    "c:/c.txt",
    "./bc.txt",
    "ab/c\0txt",
  ]) {
    const bad = replaced(zip, bytesOf("ab/c.txt"), bytesOf(name));
    expect(problemOf(bad)).toBe(
      `has an entry with the name ${JSON.stringify(name)}; expected a path inside of a folder`,
    );
    expect(() => readZip(bad, (wanted) => wanted === "other", LIMITS)).toThrow(ZipProblem);
  }
  expect(problemOf(writeZip(filesOf({ "..a/b..": "x" })))).toBe("");
});

test("a zip bomb is refused before it is inflated, whatever it says of itself", () => {
  const large = writeZip(new Map([["large", new Uint8Array(50_000_000)]]));
  expect(large.length).toBeLessThan(60_000);
  expect(problemOf(large)).toContain('has more than 1000 bytes in "large"');
  // Sizes that are a lie.
  const size = new Uint8Array(new Uint32Array([50_000_000]).buffer);
  const lying = replaced(large, size, new Uint8Array(new Uint32Array([10]).buffer));
  const start = performance.now();
  expect(problemOf(lying)).toContain('has more than 10 bytes in "large"');
  expect(performance.now() - start).toBeLessThan(200);
  // Each below its limit, all of them above theirs.
  expect(problemOf(writeZip(filesOf({ a: "x".repeat(900), b: "y".repeat(900) })))).toBe(
    'has more than 600 bytes in "b", which is beyond the limit or more than it says',
  );
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`n${index}`, ""]));
  expect(problemOf(writeZip(filesOf(many)))).toBe("has 11 entries; expected at most 10");
});

test("a file that is damaged, cut or no zip file is refused", () => {
  const zip = writeZip(filesOf({ "a.txt": "some text that is packed", "b.txt": "more" }));
  expect(problemOf(new Uint8Array(0))).toBe("is no zip file, or its end is missing");
  expect(problemOf(bytesOf("x".repeat(300)))).toBe("is no zip file, or its end is missing");
  expect(problemOf(replaced(zip, bytesOf("b.txt"), bytesOf("a.txt")))).toBe('has the entry "a.txt" twice');
  let whole = 0;
  for (let at = 0; at < zip.length; at++) {
    const damaged = zip.slice();
    damaged[at]! ^= 0xff;
    // Times, versions and rights are of no interest; contents and names never change unseen.
    if (problemOf(damaged) !== "") continue;
    whole++;
    for (const [name, content] of readZip(damaged, all, LIMITS)) {
      if (name === "a.txt") expect(content).toEqual(bytesOf("some text that is packed"));
      if (name === "b.txt") expect(content).toEqual(bytesOf("more"));
    }
  }
  expect(whole).toBeLessThan(zip.length / 2);
  for (let length = 0; length < zip.length; length++) expect(problemOf(zip.subarray(0, length))).not.toBe("");
});

test("an entry that goes on behind what it says, or is encrypted or packed otherwise, is refused", () => {
  const packed = deflateRawSync(new Uint8Array(400));
  const zip = writeZip(new Map([["a", new Uint8Array(400)]]));
  expect(packed.length).toBeLessThan(20);
  const size = new Uint8Array(new Uint32Array([400]).buffer);
  expect(problemOf(replaced(zip, size, new Uint8Array(new Uint32Array([399]).buffer)))).not.toBe("");
  const directory = Buffer.from(zip).indexOf("PK\x01\x02", 0, "latin1");
  const encrypted = zip.slice();
  encrypted[directory + 8]! |= 1;
  expect(problemOf(encrypted)).toBe('has "a" encrypted');
  const other = zip.slice();
  other[directory + 10] = 12;
  expect(problemOf(other)).toBe('has "a" packed by method 12; expected deflate');
});

test("a name of control characters does not make a refusal long", () => {
  const problem = problemOf(writeZip(filesOf({ [`../${"\u0001".repeat(300)}`]: "x" })));
  expect(problem).toStartWith('has an entry with the name "../\\u0001');
  expect(problem.length).toBeLessThan(200);
});
