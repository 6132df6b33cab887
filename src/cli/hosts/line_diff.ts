/** What differs between two texts of which only one stretch does: our block is one. */

const CONTEXT = 3;

/** Lines with `-`, `+` and a few equal ones around, in the manner of diff -u; "" when the texts are equal. */
export function lineDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const [old, fresh] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++;
  let end = 0;
  const most = Math.min(old.length, fresh.length) - start;
  while (end < most && old.at(-1 - end) === fresh.at(-1 - end)) end++;
  const lead = Math.min(start, CONTEXT);
  const trail = Math.min(end, CONTEXT);
  const [removed, added] = [old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)];
  const range = (length: number): string => `${start - lead + 1},${length + lead + trail}`;
  const lines = [
    `--- ${name}`,
    `+++ ${name}`,
    `@@ -${range(removed.length)} +${range(added.length)} @@`,
    ...old.slice(start - lead, start).map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...old.slice(old.length - end, old.length - end + trail).map((line) => ` ${line}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** A last line without an end is told like diff(1) does. */
function linesOf(text: string): string[] {
  const lines = text.split("\n");
  const last = lines.pop()!;
  if (last !== "") lines.push(`${last}\n\\ No newline at end of file`);
  return lines;
}
