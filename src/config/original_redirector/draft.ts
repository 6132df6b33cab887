/** The section that is being put together from an original's file. */
export type DraftValue = string | number | boolean | Draft;
export interface Draft {
  [key: string]: DraftValue;
}

/** Without a prototype: keys may be any names, `__proto__` too. */
export function newDraft(): Draft {
  return Object.create(null) as Draft;
}

/** Puts a value at the end of a way of keys. */
export function setAt(draft: Draft, way: readonly string[], value: DraftValue): void {
  let place = draft;
  for (const key of way.slice(0, -1)) place = (place[key] ??= newDraft()) as Draft;
  place[way.at(-1)!] = value;
}

/** As YAML in blocks. Texts are in quotes, so that none is taken for something else. */
export function draftYaml(draft: Draft, indent = ""): string {
  return Object.entries(draft)
    .map(([key, value]) => {
      const name = /^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key);
      if (typeof value !== "object") return `${indent}${name}: ${JSON.stringify(value)}\n`;
      const isEmpty = Object.keys(value).length === 0;
      return `${indent}${name}:${isEmpty ? " {}\n" : `\n${draftYaml(value, `${indent}  `)}`}`;
    })
    .join("");
}
