import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireTool } from "../../../test/support/require.ts";
import { seededRandom } from "../../core/strategies/random.ts";
import { readProperties } from "./properties.ts";

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const read = (text: string) => readProperties(bytesOf(text)).properties.map(({ key, value }) => [key, value]);

test.each([
  ["a=1", ["a", "1"]],
  ["a = 1 ", ["a", "1 "]],
  ["a:1", ["a", "1"]],
  ["a 1", ["a", "1"]],
  ["a\t=\t=1", ["a", "=1"]],
  ["  a  :  b c", ["a", "b c"]],
  ["a", ["a", ""]],
  ["=1", ["", "1"]],
  ["a\\=b\\:c\\ d=1", ["a=b:c d", "1"]],
  ["path=E:\\\\Projects\\\\x", ["path", "E:\\Projects\\x"]],
  ["a=\\u0041\\t\\n\\q\\\\", ["a", "A\t\nq\\"]],
  ["a=b\\\n   c", ["a", "bc"]],
  ["a=b\\\r\n# c", ["a", "b# c"]],
  ["a=b\\", ["a", "b"]],
  ["a=\xe9", ["a", "é"]],
])("%j is a key and a value", (text, pair) => {
  expect(read(text)).toEqual([pair as string[]]);
});

test("comments and empty lines say nothing; lines are counted by where a property begins", () => {
  const { properties, problems } = readProperties(bytesOf("# a=1\n\n ! b=2\\\na=1\\\n  2\r\rb=\\u12\nc=3"));
  expect(properties).toEqual([
    { key: "a", value: "12", line: 4 },
    { key: "c", value: "3", line: 8 },
  ]);
  expect(problems).toEqual([
    { line: 7, message: "has a malformed \\u; expected four hexadecimal digits behind it" },
  ]);
});

const PROGRAM = `import java.io.*;
import java.nio.file.*;
import java.util.*;
public class Read {
  static String hex(String text) {
    StringBuilder out = new StringBuilder("x");
    for (char c : text.toCharArray()) out.append(String.format("%04x", (int) c));
    return out.toString();
  }
  public static void main(String[] arguments) throws Exception {
    for (int number = 0; number < Integer.parseInt(arguments[1]); number++) {
      Properties properties = new Properties();
      StringBuilder line = new StringBuilder();
      try (InputStream in = new FileInputStream(arguments[0] + "/" + number)) {
        properties.load(in);
        for (Object key : new TreeSet<Object>(properties.keySet()))
          line.append(hex((String) key)).append("=").append(hex(properties.getProperty((String) key))).append(" ");
      } catch (IllegalArgumentException malformed) {
        line.append("malformed ");
      }
      System.out.println(line);
    }
  }
}
`;

test.skipIf(requireTool("javac") !== null)(
  "any text is what a real Java reads",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-properties-"));
    try {
      const random = seededRandom(11);
      const pieces = [
        "a",
        "b",
        "=",
        ":",
        " ",
        "\t",
        "\f",
        "\\",
        "\n",
        "\r",
        "\r\n",
        "#",
        "!",
        "\\u0041",
        "\\u",
        "\\n",
        "\xe9",
      ];
      const texts = Array.from({ length: 3_000 }, () =>
        Array.from(
          { length: 1 + Math.floor(random() * 20) },
          () => pieces[Math.floor(random() * pieces.length)]!,
        ).join(""),
      );
      texts.forEach((text, number) => writeFileSync(join(directory, String(number)), bytesOf(text)));
      writeFileSync(join(directory, "Read.java"), PROGRAM);
      const child = Bun.spawn(["java", join(directory, "Read.java"), directory, String(texts.length)], {
        stdout: "pipe",
      });
      const lines = (await child.stdout.text()).split("\n");
      expect(await child.exited).toBe(0);
      const hex = (text: string) =>
        `x${Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, "0")).join("")}`;
      const own = texts.map((text) => {
        const { properties, problems } = readProperties(bytesOf(text));
        if (problems.length > 0) return "malformed ";
        const last = new Map(properties.map(({ key, value }) => [key, value]));
        const keys = [...last.keys()].toSorted((one, other) => (one < other ? -1 : 1));
        return keys.map((key) => `${hex(key)}=${hex(last.get(key)!)} `).join("");
      });
      expect(
        texts.flatMap((text, number) =>
          own[number] === lines[number] ? [] : [[text, own[number], lines[number]]],
        ),
      ).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
