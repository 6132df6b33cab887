/** Lines of text with aligned columns under their titles. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((cells) => Bun.stringWidth(cells[column] ?? ""))),
  );
  const padded = (text: string, width: number): string => text + " ".repeat(width - Bun.stringWidth(text));
  return lines
    .map(
      (cells) =>
        `${cells
          .map((text, column) => padded(text, widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
