/** The JUnit reports of `bun test`: read them, and write one of the whole run. */

export interface TestCase {
  readonly file: string;
  /** Names of the `describe()` around it, outermost first. */
  readonly groups: readonly string[];
  readonly name: string;
  readonly line: number;
  readonly assertions: number;
  readonly seconds: number;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What failed, or why it was skipped; "" when nothing is known. */
  readonly message: string;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return String.fromCodePoint(code);
  });
}

function escape(text: string): string {
  // Characters that XML 1.0 does not have, however they are written.
  // eslint-disable-next-line no-control-regex
  const legal = text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd").toWellFormed();
  return legal.replace(
    /[<>&"\r\n\t]/g,
    (character) =>
      ({ "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" })[character] ??
      `&#${character.charCodeAt(0)};`,
  );
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, unescape(value!)]),
  );
}

/**
 * The cases of one report of Bun 1.4.5. Its `classname` names the groups innermost first, so they are taken from the nested
 * suites instead; the outermost suite is the file. Returns what can be read of a report that breaks off.
 */
export function readReport(xml: string): TestCase[] {
  const cases: TestCase[] = [];
  const suites: string[] = [];
  let open: { attributes: Record<string, string>; outcome: TestCase["outcome"]; message: string } | null =
    null;
  const close = (): void => {
    if (open !== null) cases.push(caseOf(open.attributes, suites.slice(1), open.outcome, open.message));
    open = null;
  };
  for (const [, end, tag, text = "", empty] of xml.matchAll(
    /<(\/?)(testsuite|testcase|failure|error|skipped)\b((?:[^>"]|"[^"]*")*?)(\/?)>/g,
  )) {
    if (tag === "testsuite") {
      if (end === "/") suites.pop();
      else if (empty !== "/") suites.push(attributesOf(text)["name"] ?? "");
    } else if (tag === "testcase") {
      close();
      if (end === "") open = { attributes: attributesOf(text), outcome: "passed", message: "" };
      if (empty === "/") close();
    } else if (end === "" && open !== null) {
      open.outcome = tag === "skipped" ? "skipped" : "failed";
      open.message = attributesOf(text)["message"] ?? "";
    }
  }
  return cases;
}

function caseOf(
  attributes: Record<string, string>,
  groups: readonly string[],
  outcome: TestCase["outcome"],
  message: string,
): TestCase {
  return {
    file: (attributes["file"] ?? "").replace(/^\.\//, ""),
    groups,
    name: attributes["name"] ?? "",
    line: Number(attributes["line"] ?? 0),
    assertions: Number(attributes["assertions"] ?? 0),
    seconds: Number(attributes["time"] ?? 0),
    outcome,
    message,
  };
}

/** How many cases ended in each way. */
export function countOutcomes(cases: readonly TestCase[]): Record<TestCase["outcome"], number> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of cases) counts[outcome]++;
  return counts;
}

/** One report; a suite per file. `classname` is the file, followed by the groups with ` > ` between. */
export function writeReport(cases: readonly TestCase[]): string {
  const byFile = Map.groupBy(cases, ({ file }) => file);
  const suites = [...byFile]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, own]) => {
      const lines = own.map((each) => `    ${caseText(each)}\n`).join("");
      return `  <testsuite name="${escape(file)}" file="${escape(file)}" ${totals(own)}>\n${lines}  </testsuite>\n`;
    });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="npm test" ${totals(cases)}>\n${suites.join("")}</testsuites>\n`;
}

function totals(cases: readonly TestCase[]): string {
  const { failed, skipped } = countOutcomes(cases);
  const assertions = cases.reduce((sum, each) => sum + each.assertions, 0);
  const seconds = cases.reduce((sum, each) => sum + each.seconds, 0);
  return `tests="${cases.length}" assertions="${assertions}" failures="${failed}" skipped="${skipped}" time="${seconds.toFixed(3)}"`;
}

function caseText(each: TestCase): string {
  const place = [each.file, ...each.groups].map(escape).join(" &gt; ");
  const start = `<testcase name="${escape(each.name)}" classname="${place}" file="${escape(each.file)}" line="${each.line}" time="${each.seconds}" assertions="${each.assertions}"`;
  if (each.outcome === "passed") return `${start} />`;
  const tag = each.outcome === "failed" ? "failure" : "skipped";
  return `${start}><${tag} message="${escape(each.message)}" /></testcase>`;
}
