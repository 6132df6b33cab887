/** What a source file imports, read from its text: types and computed names too, which Bun's own scanner leaves out. */

export interface Import {
  /** As written; null when the name is computed. */
  readonly name: string | null;
  readonly kind: "static" | "type" | "dynamic";
  readonly line: number;
}

// Formatted code has import and export statements at the start of a line.
const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w$*{][^"'`;=()]*?\bfrom\s+)?["']([^"'\n]+)["']/gm;
const CALL = /(?<![\w$.])(typeof\s+)?(?:import|require)\(\s*(?:["'`]([^"'`$\n]*)["'`]|([^)\s]))/g;
const URL_OF_FILE = /new URL\(\s*["'`]([^"'`$\n]+\.tsx?)["'`],\s*import\.meta\.url/g;

/** All imports of a file in the order of their lines. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const found: (Import & { readonly at: number })[] = [];
  const add = (at: number, name: string | null, kind: Import["kind"]): void => {
    found.push({ at, name, kind, line: code.slice(0, at).split("\n").length });
  };
  for (const match of code.matchAll(STATEMENT))
    add(match.index, match[2]!, match[1] === undefined ? "static" : "type");
  for (const match of code.matchAll(CALL))
    add(match.index, match[2] ?? null, match[1] === undefined ? "dynamic" : "type");
  for (const match of code.matchAll(URL_OF_FILE)) add(match.index, match[1]!, "dynamic");
  return found.toSorted((a, b) => a.at - b.at).map(({ name, kind, line }) => ({ name, kind, line }));
}

/** The text with comments blanked out, lines kept. Strings and templates are left as they are. */
export function withoutComments(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g,
    (part) => (part.startsWith("//") || part.startsWith("/*") ? part.replace(/[^\n]/g, " ") : part),
  );
}

/** `code` with the insides of its strings and templates blanked out as well. */
export function withoutStrings(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g, (part) =>
    part.replace(/[^\n]/g, " "),
  );
}
