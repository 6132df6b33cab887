import type { Condition, Matcher } from "../matcher.ts";
import { pathValue } from "./path_value.ts";

/** Path(`/products`): the whole path. */
export const path: Matcher = {
  name: "Path",
  summary: "The path, in normal form, is this one.",
  parameters: ["path"],

  compile([value]): Condition {
    const wanted = pathValue(value!, false);
    return {
      paths: [{ kind: "exact", path: wanted }],
      sufficient: true,
      test: (request) => request.path === wanted,
    };
  },
};
