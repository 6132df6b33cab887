import { expect, test } from "bun:test";
import fc from "fast-check";
import { isFormatProblem, LOG_ATTRIBUTES, parsePythonFormat } from "../core/text/python_format.ts";
import { requireTool } from "../../test/support/require.ts";
import { compilePythonFormat, pythonTime, type PythonRecord } from "./python_format.ts";

const RECORD: PythonRecord = {
  asctime: pythonTime(1_700_000_000_042),
  created: 1_700_000_000.042,
  filename: "pool.py",
  funcName: "switch",
  levelname: "WARNING",
  levelno: 30,
  lineno: 0,
  message: "näme's \\ moved\u00a0to \u{1f600} \u200b\u0007",
  module: "pool",
  msecs: 42,
  name: "fairlead",
  pathname: "/opt/pool.py",
  process: 4_194_304,
  processName: "MainProcess",
  relativeCreated: 1_234.5,
  thread: 140_001_234_567_890,
  threadName: "MainThread",
};

/** Python's own lines for `[format, changes to RECORD]`; a line that starts with "! " tells an error. */
function pythonLines(cases: readonly (readonly [string, Partial<PythonRecord>])[]): string[] {
  const program = `
import json, logging, sys
for format, record in json.load(sys.stdin):
    record["msg"] = record.pop("message")
    del record["asctime"]
    try:
        print(json.dumps(logging.Formatter(format).format(logging.makeLogRecord(record))))
    except Exception as error:
        print(json.dumps("! " + str(error)))
`;
  const floats = (record: object): string =>
    JSON.stringify(record, (key, value: unknown) =>
      LOG_ATTRIBUTES[key as keyof typeof LOG_ATTRIBUTES] === "float" ? `float:${String(value)}` : value,
    ).replaceAll(/"float:([^"]*)"/g, (_, number: string) => (/[.e]/.test(number) ? number : `${number}.0`));
  const input = cases.map(
    ([format, changes]) => `[${JSON.stringify(format)},${floats({ ...RECORD, ...changes })}]`,
  );
  const { stdout, stderr, exitCode } = Bun.spawnSync(["python3", "-c", program], {
    stdin: Buffer.from(`[${input.join(",")}]`),
    env: { ...process.env, PYTHONIOENCODING: "utf-8" },
  });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as string);
}

const ours = (format: string, changes: Partial<PythonRecord> = {}): string =>
  compilePythonFormat(format)({ ...RECORD, ...changes });

const noPython = requireTool("python3");

test("HF2/format the default of the original, flags and per cent signs", () => {
  expect(ours("%(asctime)s :: %(levelname)s :: %(message)s", { message: "up" })).toBe(
    `${pythonTime(1_700_000_000_042)} :: WARNING :: up`,
  );
  expect(pythonTime(new Date(2026, 0, 2, 3, 4, 5, 6).getTime())).toBe("2026-01-02 03:04:05,006");
  expect(ours("[%(levelname)-8s] %(msecs)03d 100%% %(levelno)5d|%(levelname).4s")).toBe(
    "[WARNING ] 042 100%    30|WARN",
  );
});

test.skipIf(noPython !== null)("HF2/format every attribute is written as Python's logging writes it", () => {
  const formats = Object.keys(LOG_ATTRIBUTES).map((name) => `<%(${name})s>`);
  expect(formats.map((format) => ours(format))).toEqual(pythonLines(formats.map((format) => [format, {}])));
});

test.skipIf(noPython !== null)(
  "HF2/format any flags, width, precision and conversion are as in Python",
  () => {
    const field = fc
      .record({
        attribute: fc.constantFrom(...(Object.keys(LOG_ATTRIBUTES) as (keyof typeof LOG_ATTRIBUTES)[])),
        flags: fc.string({ unit: fc.constantFrom(..."#0- +"), maxLength: 3 }),
        width: fc.constantFrom("", "1", "5", "12", "40"),
        precision: fc.constantFrom("", ".", ".0", ".1", ".3", ".9", ".17", ".30"),
        modifier: fc.constantFrom("", "", "l"),
        conversion: fc.constantFrom(..."diouxXeEfFgGsra"),
      })
      .map(({ attribute, flags, width, precision, modifier, conversion }) => {
        return `%(${attribute})${flags}${width}${precision}${modifier}${conversion}`;
      });
    const format = fc.tuple(field, fc.constantFrom("", "%%", " :: ")).map((parts) => parts.join(""));
    const number = fc.oneof(
      fc.double({ noNaN: true, min: -1e60, max: 1e60 }),
      fc.integer({ min: -8_000, max: 8_000 }).map((eighths) => eighths / 8),
      fc.constantFrom(0, 0.0001, 0.00001, 1e16, 1e22, 999_999.5, 0.5, 1.5, 2.5),
    );
    const sample = fc.sample(fc.tuple(format, number), { numRuns: 6_000, seed: 7 }).map(
      ([text, created]) =>
        // The validity check of logging.Formatter looks for one field without modifier, so one stands behind.
        [`${text}%(lineno)d`, { relativeCreated: created }] as const,
    );
    const good = sample.filter(([text]) => !isFormatProblem(parsePythonFormat(text)));
    expect(good.length).toBeGreaterThan(2_000);
    const python = pythonLines(sample);
    for (const [index, [text, changes]] of sample.entries()) {
      const theirs = python[index]!;
      const parsed = parsePythonFormat(text);
      if (isFormatProblem(parsed)) expect([text, theirs]).toEqual([text, expect.stringMatching(/^! /)]);
      else
        expect([text, changes.relativeCreated, ours(text, changes)]).toEqual([
          text,
          changes.relativeCreated,
          theirs,
        ]);
    }
  },
);

test.each([
  ["", 1, "holds no attribute; expected at least one such as %(message)s"],
  ["100%% sure", 1, "holds no attribute; expected at least one such as %(message)s"],
  ["%(message)s %", 13, "a % stands alone; expected %(attribute)s, or %% for the character itself"],
  ["a %s", 3, "a % stands alone; expected %(attribute)s, or %% for the character itself"],
  ["%(message)s %(levelname)", 25, "the format ends inside %(levelname; expected a conversion such as s"],
  ["%(message)*d", 11, "a * has no place here; expected a number"],
  ["%(message)d", 11, '%(message) is text, for which there is no conversion "d"; expected one of s, r, a'],
  ["%(created)x", 11, /^%\(created\) is a number with a fraction, for which there is no conversion "x"/],
  ["%(levelname)s %(mesage)s", 17, /^unknown attribute "mesage"; expected one of asctime, filename, /],
  ["%(toString)s", 3, /^unknown attribute "toString"/],
  ["%(message)9999s", 1, "a width above 4096; expected less"],
  ["%(created).51f", 1, "a precision above 50; expected less"],
])("HF2/format %p is refused at column %d", (format, column, message) => {
  const parsed = parsePythonFormat(format);
  if (!isFormatProblem(parsed)) throw new Error("accepted");
  expect(parsed.column).toBe(column);
  expect(parsed.message).toMatch(message);
  expect(() => compilePythonFormat(format)).toThrow(`column ${column}: `);
});

test("any text is refused with a column in it, or writes a line", () => {
  const unit = fc.constantFrom(..."%()0- +#.5sdxfga*", "message", "created", "levelno");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 20 }), (format) => {
      const parsed = parsePythonFormat(format);
      if (!isFormatProblem(parsed)) expect(typeof ours(format)).toBe("string");
      else {
        expect(parsed.column).toBeGreaterThanOrEqual(1);
        expect(parsed.column).toBeLessThanOrEqual(format.length + 1);
      }
    }),
    { numRuns: 2_000 },
  );
});
