import { expect, test } from "bun:test";
import { requireTool } from "../test/support/require.ts";
import { CLANG, staleObjects } from "./bpf.ts";

test.skipIf(requireTool(CLANG) !== null)(
  "the committed objects are what their sources give",
  () => {
    expect(staleObjects()).toEqual([]);
  },
  60_000,
);
