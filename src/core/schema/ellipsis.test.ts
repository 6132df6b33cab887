import { expect, test } from "bun:test";
import { expandEllipses, MAX_EXPANDED } from "./ellipsis.ts";

test("HF37 a range stands for its numbers, and what is around it stays", () => {
  expect(expandEllipses("http://minio{1...4}:9000")).toEqual({
    texts: [1, 2, 3, 4].map((number) => `http://minio${number}:9000`),
  });
  const all = expandEllipses("minio{1...16}");
  expect("texts" in all && [all.texts.length, all.texts[0], all.texts[15]]).toEqual([
    16,
    "minio1",
    "minio16",
  ]);
  expect(expandEllipses("plain")).toEqual({ texts: ["plain"] });
  expect(expandEllipses("one{7...7}")).toEqual({ texts: ["one7"] });
});

test("HF37 two in one text are all combinations, the last one fastest, and zeros keep their width", () => {
  expect(expandEllipses("r{1...2}-n{08...10}.test")).toEqual({
    texts: ["r1-n08.test", "r1-n09.test", "r1-n10.test", "r2-n08.test", "r2-n09.test", "r2-n10.test"],
  });
});

test("HF37 what is no range is refused with its place", () => {
  const problems: readonly [string, string][] = [
    ["a{1..4}", "the ellipsis at character 2 has two dots"],
    ["a{}", "the ellipsis at character 2 is no range"],
    ["ab{x...4}", "the ellipsis at character 3 is no range"],
    ["a{4...1}", "the ellipsis at character 2 goes down from 4 to 1"],
    ["a{1...4", "the ellipsis at character 2 has no end"],
    ["a1...4}", "the ellipsis at character 7 has no beginning"],
    ["a}{1...2}", "the ellipsis at character 2 has no beginning"],
    ["a{1...{2}", "the ellipsis at character 2 is no range"],
    [`{1...${MAX_EXPANDED + 1}}`, "makes 1025 texts"],
    ["{1...999999999}{1...999999999}{1...999999999}", "may be"],
  ];
  for (const [text, words] of problems) {
    const found = expandEllipses(text);
    expect("problem" in found ? found.problem : text).toContain(words);
  }
});
