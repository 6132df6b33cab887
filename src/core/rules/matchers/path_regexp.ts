import { readablePath } from "../../text/path.ts";
import { regexValue, type Condition, type Matcher } from "../matcher.ts";

/** Text that stands in a path as it stands in the readable form that the regex sees. */
const SAME_IN_BOTH = /^\/[A-Za-z0-9._~!$&'()*+,;=:@/[\]-]*$/;

/** PathRegexp(`^/products/[0-9]+$`): a regex on the readable form of the path. */
export const pathRegexp: Matcher = {
  name: "PathRegexp",
  summary:
    "The path matches this regex. Spaces, `{}` and UTF-8 text are decoded for it, reserved characters stay encoded.",
  parameters: ["regex"],

  compile(values, regexes): Condition {
    const regex = regexValue(values, 0, regexes);
    const test: Condition["test"] = (request) => regex.test(readablePath(request.path));
    const { anchors } = regex;
    if (anchors === null || !anchors.every(({ text }) => SAME_IN_BOTH.test(text))) return { test };
    return {
      test,
      paths: anchors.map(({ kind, text }) => ({ kind, path: text })),
      sufficient: regex.anchorsSuffice,
    };
  },
};
