import { expect, test } from "bun:test";
import { requireTool } from "../test/support/require.ts";
import { CLANG, staleFiles } from "./bpf.ts";

test.skipIf(requireTool(CLANG) !== null)(
  "the committed objects and layouts are what their sources give",
  () => {
    expect(staleFiles()).toEqual([]);
  },
  60_000,
);
