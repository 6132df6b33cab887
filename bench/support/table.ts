/** Tables for the terminal and for Markdown. */

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const widths = ({ head, rows }: Table): number[] =>
  head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? "")].map((text) => Bun.stringWidth(text))),
  );

const pad = (text: string, width: number, right: boolean): string => {
  const space = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  return right ? space + text : text + space;
};

/** Lines of text with aligned columns: the first to the left, the others to the right. */
export function plainTable(table: Table): string {
  const width = widths(table);
  const line = (cells: readonly string[]): string =>
    width
      .map((size, column) => pad(cells[column] ?? "", size, column > 0))
      .join("  ")
      .trimEnd();
  return [line(table.head), ...table.rows.map(line)].join("\n");
}

/** A Markdown table with the columns aligned as in `plainTable`; `|` in a cell is escaped. */
export function markdownTable({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${head.map((_, column) => (cells[column] ?? "").replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = `|${head.map((_, column) => (column > 0 ? "---:|" : "---|")).join("")}`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
