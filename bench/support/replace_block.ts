/** A page with a part that a program writes: `<!-- NAME: begin -->` … `<!-- NAME: end -->`, each on a line of its own. */

/** The page with another content of its block. Throws Error when the marks are not there exactly once, in order. */
export function replaceBlock(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->\n`, `<!-- ${name}: end -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from || page.indexOf(begin, from + 1) >= 0 || page.indexOf(end, to + 1) >= 0)
    throw new Error(`the page needs one block "${name}: begin" … "${name}: end"`);
  return `${page.slice(0, from + begin.length)}${content.trimEnd()}\n${page.slice(to)}`;
}
