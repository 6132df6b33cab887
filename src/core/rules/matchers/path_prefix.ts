import type { Condition, Matcher } from "../matcher.ts";
import { pathValue } from "./path_value.ts";

/** PathPrefix(`/products`): the start of the path; `/products` also takes `/productsale`. */
export const pathPrefix: Matcher = {
  name: "PathPrefix",
  summary: "The path, in normal form, starts with this text; `/api` takes `/apis` too, `/api/` does not.",
  parameters: ["prefix"],

  compile([value]): Condition {
    const prefix = pathValue(value!, true);
    return {
      paths: [{ kind: "prefix", path: prefix }],
      sufficient: true,
      test: (request) => request.path.startsWith(prefix),
    };
  },
};
