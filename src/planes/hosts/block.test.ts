import { describe, expect, test } from "bun:test";
import { ORIGINAL_MARKERS, OWN_MARKERS } from "../../core/text/hosts_markers.ts";
import { seededRandom } from "../../core/strategies/random.ts";
import { findBlock, released, wantedLines, withLines, withoutBlock } from "./block.ts";
import { HostsFileError } from "./hosts_file_error.ts";
import type { WantedName } from "./lines.ts";

const DB: WantedName = { names: ["db.test"], addresses: ["10.0.0.1"] };
const LOG: WantedName = { names: ["log.test", "log"], addresses: ["10.100.100.100", "fd00::1"] };

/** What becomes of `text` when `wanted` is wanted. */
function updated(text: string, ...wanted: readonly WantedName[]): string {
  const block = findBlock(text, "/etc/hosts");
  return withLines(text, block, wantedLines(wanted, block));
}

const own = (...lines: readonly string[]): string =>
  [OWN_MARKERS.begin, ...lines, OWN_MARKERS.end].map((line) => `${line}\n`).join("");
const original = (...lines: readonly string[]): string =>
  [ORIGINAL_MARKERS.begin, ...lines, ORIGINAL_MARKERS.end].map((line) => `${line}\n`).join("");

describe("HF19", () => {
  test("HF19 without a block it is appended, addresses padded to the longest and two spaces", () => {
    expect(updated("127.0.0.1 localhost\n", DB, LOG)).toBe(
      `127.0.0.1 localhost\n${own("10.0.0.1        db.test", "10.100.100.100  log.test log", "fd00::1         log.test log")}`,
    );
  });

  test("HF19 a block is replaced where it stands", () => {
    const text = `a\n${own("10.9.9.9  db.test")}b\n`;
    expect(updated(text, DB)).toBe(`a\n${own("10.0.0.1  db.test")}b\n`);
  });

  test("HF19 one marker alone, the end first, a second block and rubbish inside are refused with their line", () => {
    const { begin, end } = OWN_MARKERS;
    const cases: readonly [string, string][] = [
      [`a\n${begin}\nb\n`, `/etc/hosts:2: "${begin}" has no end`],
      [`a\n${end}\nb\n`, `/etc/hosts:2: "${end}" has no beginning before it`],
      [`${end}\n${begin}\n`, `/etc/hosts:1: "${end}" has no beginning before it`],
      [own("10.0.0.1 a") + own("10.0.0.1 a"), `/etc/hosts:4: "${begin}" is one marker too many`],
      [
        own("10.0.0.1 a") + original("10.0.0.1 a"),
        `/etc/hosts:4: "${ORIGINAL_MARKERS.begin}" is one marker too many`,
      ],
      [`${begin}\n${begin}\n${end}\n`, `/etc/hosts:2: "${begin}" stands inside a block that began in line 1`],
      [`${begin}\n${ORIGINAL_MARKERS.end}\n`, `/etc/hosts:2: "${ORIGINAL_MARKERS.end}" stands inside`],
      [
        own("10.0.0.1 a", "rubbish"),
        "/etc/hosts:3: a line inside our block is not ours; expected an address and names",
      ],
      [own("10.0.0.1"), "/etc/hosts:2: a line inside our block is not ours"],
      [own("10.0.0.1 a # why"), "/etc/hosts:2: a line inside our block is not ours"],
    ];
    for (const [text, words] of cases) {
      expect(() => updated(text, DB)).toThrow(HostsFileError);
      expect(() => updated(text, DB)).toThrow(words);
    }
  });
});

describe("HF20", () => {
  const texts: readonly [string, string][] = [
    ["an empty file", ""],
    ["CRLF", "127.0.0.1 localhost\r\n# a comment\r\n"],
    ["no last newline", "127.0.0.1 localhost"],
    ["CRLF without the last one", "127.0.0.1 a\r\n127.0.0.1 b"],
    [
      "tabs, comments, blanks and duplicates",
      "\t127.0.0.1\tlocalhost\t# x\n\n\n127.0.0.1 a\n127.0.0.1 a\n #\n",
    ],
    [
      "10,000 lines",
      Array.from({ length: 10_000 }, (_, index) => `10.0.${index >> 8}.${index & 255} h${index}\n`).join(""),
    ],
    ["bytes that are no UTF-8", "127.0.0.1 localhost \xff\xfe\0\n"],
    ["a line that only looks like a marker", ` ${OWN_MARKERS.begin}\n${OWN_MARKERS.begin} x\n`],
  ];

  test.each(texts)("HF20 %s stays byte for byte outside the block, and comes back as a whole", (_, text) => {
    const written = updated(text, DB);
    const block = findBlock(written, "/etc/hosts")!;
    const eol = text.includes("\r\n") ? "\r\n" : "\n";
    const before = text === "" || text.endsWith("\n") ? text : text + eol;
    expect(written.slice(0, block.start)).toBe(before);
    expect(written.slice(block.end)).toBe("");
    expect(withoutBlock(written, block)).toBe(text);
  });

  test("HF20 whatever stands around a block, changes of it touch nothing else", () => {
    const random = seededRandom(20);
    const byte = (): string => String.fromCharCode(Math.floor(random() * 256));
    for (let round = 0; round < 2_000; round++) {
      const text = Array.from({ length: Math.floor(random() * 60) }, () =>
        random() < 0.2 ? "\n" : byte(),
      ).join("");
      const first = updated(text, DB);
      const block = findBlock(first, "")!;
      const behind = Array.from({ length: Math.floor(random() * 20) }, byte).join("");
      // Somebody appends, and the block has another content afterwards.
      const edited = first.endsWith("\n") ? first + behind : first;
      const second = updated(edited, DB, LOG);
      const after = findBlock(second, "")!;
      expect(second.slice(0, after.start)).toBe(first.slice(0, block.start));
      expect(second.slice(after.end)).toBe(edited.slice(block.end));
      expect(withoutBlock(first, block)).toBe(text);
    }
  });

  test("HF20 a block in a file with CRLF has CRLF, and keeps it when it is replaced", () => {
    const first = updated("127.0.0.1 localhost\r\n", DB);
    expect(first.replaceAll("\r\n", "")).not.toContain("\n");
    expect(updated(first, LOG).replaceAll("\r\n", "")).not.toContain("\n");
  });
});

test("HF20 what somebody appends behind a block without a last newline becomes a line of its own", () => {
  const written = updated("127.0.0.1 localhost", DB);
  expect(written.endsWith(OWN_MARKERS.end)).toBe(true);
  const appended = `${written}10.1.1.1 other\n`;
  const expected = `127.0.0.1 localhost\n${own("10.0.0.1  db.test")}10.1.1.1 other\n`;
  expect(updated(appended, DB)).toBe(expected);
  expect(updated(appended, { ...DB, addresses: ["10.0.0.2"] })).toBe(
    expected.replace("10.0.0.1", "10.0.0.2"),
  );
  expect(withoutBlock(appended, findBlock(appended, "")!)).toBe("127.0.0.1 localhost\n10.1.1.1 other\n");
});

test("HF21 an equal block is the same text, however it is spaced", () => {
  for (const text of [
    own("10.0.0.1  db.test"),
    own("10.0.0.1\t db.test"),
    original("10.0.0.1 db.test"),
    own("", "10.0.0.1 db.test"),
  ])
    expect(updated(text, DB)).toBe(text);
});

test("HF22 the original's block is taken over at the first change, in its place, and released again", () => {
  const text = `a\n${original("10.9.9.9  db.test", "10.9.9.9  gone.test")}b`;
  const taken = updated(text, DB);
  expect(taken).toBe(`a\n${own("10.0.0.1  db.test")}b`);
  const given = released(taken, findBlock(taken, "")!);
  expect(given).toBe(`a\n${original("10.0.0.1  db.test")}b`);
  expect(released(given, findBlock(given, "")!)).toBe(given);
});

test("HF4 keep leaves what stands there for one of the names, and names that nobody wants go", () => {
  const text = own("10.0.0.7  db.test", "10.0.0.8  db.test", "10.0.0.9  old.test");
  expect(updated(text, { names: ["db.test", "sql.test"], addresses: "keep" })).toBe(
    own("10.0.0.7  db.test sql.test", "10.0.0.8  db.test sql.test"),
  );
  expect(updated("a\n", { names: ["db.test"], addresses: "keep" })).toBe("a\n");
});

test("HF9 a block without lines goes as a whole", () => {
  expect(updated(`a\n${own("10.0.0.1  db.test")}b\n`, { names: ["db.test"], addresses: [] })).toBe("a\nb\n");
  expect(updated("a", { names: ["db.test"], addresses: [] })).toBe("a");
});
