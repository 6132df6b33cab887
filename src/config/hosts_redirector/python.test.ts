/** What the original's files say in Python's words, against Python itself. */
import { expect, test } from "bun:test";
import { LinearRegex, SyntaxProblem } from "../../core/rules/linear_regex.ts";
import { requireTool } from "../../../test/support/require.ts";
import { whatwgLabel } from "./python_codecs.ts";
import { goRegexOf, orProblem, statusesOf } from "./python_regex.ts";

const noPython = requireTool("python3");

/** What `program` prints as JSON, with `input` as JSON on its standard input in the name `given`. */
function python(program: string, input: unknown): unknown {
  const { stdout, stderr, exitCode } = Bun.spawnSync(
    ["python3", "-c", `import json, re, sys, codecs\ngiven = json.load(sys.stdin)\n${program}`],
    { stdin: Buffer.from(JSON.stringify(input)) },
  );
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

test.each([
  ["200", "200"],
  ["^2", "200-299"],
  ["200|429", "200,429"],
  ["401", "401"],
  [".", "100-599"],
  ["^[23]0[01]$", "200-201,300-301"],
  ["^5", "500-599"],
  ["99$", "199,299,399,499,599"],
  ["OK", ""],
])("HF13/statuses %s is found in %s", (pattern, statuses) => {
  expect(statusesOf(pattern)).toBe(statuses);
});

const STATUS_PATTERNS = [
  ...[
    "200",
    "^2",
    "200|429",
    "2..",
    "^20[0-46]$",
    "^(?!5)",
    "(2|3)0\\d\\Z",
    "^.0{,1}4$",
    "[^2-5]",
    "1{2}",
    "$",
  ],
  ...["^(?P<class>[12])", "\\b404\\b", "[$]", "\\$", "^2[\\]0]", "(?m)^2..$", "(2)\\1", "[[5]", "(?i)a|3.."],
];

test.skipIf(noPython !== null)("HF13/statuses are those in which Python's re.search finds the regex", () => {
  const theirs = python(
    "print(json.dumps([[status for status in range(100, 600) if re.search(regex, str(status))] for regex in given]))",
    STATUS_PATTERNS,
  ) as number[][];
  const refused: string[] = [];
  for (const [index, pattern] of STATUS_PATTERNS.entries()) {
    const ours = orProblem(() => statusesOf(pattern));
    if ("problem" in ours) refused.push(pattern);
    else expect([pattern, ours.value.split(",").flatMap(expanded)]).toEqual([pattern, theirs[index]!]);
  }
  expect(refused).toEqual(["^(?!5)", "(2)\\1"]);
});

function expanded(range: string): number[] {
  if (range === "") return [];
  const [first = 0, last = first] = range.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test.skipIf(noPython !== null)("HF14/regex a body is searched as Python's re.search does it", () => {
  const patterns = [
    ...[
      "OK$",
      "^OK\\Z",
      "^OK$",
      "(?m)^OK$",
      "[$]",
      "a{,2}b",
      "\\$",
      "O.K",
      "(?s)O.K",
      "\\\\$",
      "[\\]$]",
      "[]$]",
      "[^]$]x",
    ],
  ];
  const texts = ["OK", "OK\n", "OK\n\n", "x\nOK\ny", "$", "b", "aaab", "O\nK", "\\", "]", "ax"];
  const theirs = python(
    "print(json.dumps([[bool(re.search(regex, text)) for text in given[1]] for regex in given[0]]))",
    [patterns, texts],
  );
  const ours = patterns.map((pattern) => {
    const regex = new LinearRegex(goRegexOf(pattern));
    return texts.map((text) => regex.test(text));
  });
  expect(ours).toEqual(theirs as boolean[][]);
});

test("what no linear engine can do is told in words", () => {
  expect(orProblem(() => statusesOf("(?<=2)0"))).toEqual({
    problem:
      "malformed regex (invalid named capture: `(?<=2)0`); expected Go's regex syntax, without look-around and back-references",
  });
  expect(() => statusesOf("(")).toThrow(SyntaxProblem);
});

test.each([
  ["utf-8", "utf-8"],
  ["UTF8", "utf-8"],
  ["latin-1", "iso-8859-1"],
  ["L1", "iso-8859-1"],
  ["iso-8859-15", "iso-8859-15"],
  ["cp1252", "windows-1252"],
  ["windows-1251", "windows-1251"],
  ["ascii", "windows-1252"],
  ["utf-16", "utf-16le"],
  ["utf-99", null],
  ["hex", null],
  ["", null],
  ["constructor", null],
])("HF14/encoding %s is %p", (codec, label) => {
  expect(whatwgLabel(codec)).toBe(label);
});

test.skipIf(noPython !== null)("HF14/encoding letters of every codec read as Python reads them", () => {
  const codecs = [
    ...[
      "utf-8",
      "utf-16",
      "utf-16-le",
      "utf-16-be",
      "ascii",
      "latin-1",
      "cp1252",
      "koi8-r",
      "koi8-u",
      "mac-roman",
    ],
    ...["cp866", "cp874", "gbk", "gb2312", "gb18030", "big5", "euc-jp", "iso2022_jp", "shift_jis", "cp932"],
    ...[
      "euc-kr",
      "cp949",
      "tis-620",
      "mac-cyrillic",
      "cp1250",
      "cp1251",
      "cp1253",
      "cp1254",
      "cp1255",
      "cp1256",
    ],
    ...[
      "cp1257",
      "cp1258",
      ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].map((part) => `iso8859-${part}`),
    ],
  ];
  const samples = python(
    `
all = "aZ09 ÄßéőģąħċЖяαωאبกあ漢字한글ț€"
result = []
for codec in given:
    # Python and browsers differ in Big5's Cyrillic and kana.
    letters = "aZ09 αω漢字" if codec == "big5" else all
    encoded = [letter.encode(codec, "ignore") for letter in letters]
    known = "".join(letter for letter, bytes in zip(letters, encoded) if bytes)
    result.append([known, list(known.encode(codec))])
print(json.dumps(result))`,
    codecs,
  ) as [string, number[]][];
  for (const [index, codec] of codecs.entries()) {
    const [text, bytes] = samples[index]!;
    expect([
      codec,
      new TextDecoder(whatwgLabel(codec) as Bun.Encoding).decode(new Uint8Array(bytes)),
    ]).toEqual([codec, text]);
    expect(text.length).toBeGreaterThanOrEqual(5);
  }
});
