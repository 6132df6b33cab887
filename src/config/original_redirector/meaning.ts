/** What keys of the original's files mean here. */
import { setAt, type Draft } from "./draft.ts";

/** What becomes of a key. */
export type Meaning =
  | {
      readonly kind: "acts";
      /** Setting that it becomes, for operators. */
      readonly setting: string;
      /** Puts it in. The problem, where there is one, completes "KEY VALUE: …". */
      readonly put: (value: string, draft: Draft) => string | null;
    }
  /** Nothing is to be set: `by` completes "is superseded by …". */
  | { readonly kind: "superseded"; readonly by: string };

export type Meanings = Readonly<Record<string, Meaning>>;

export function superseded(by: string): Meaning {
  return { kind: "superseded", by };
}

export function becomes(setting: string, read: (value: string) => Parsed): Meaning {
  return {
    kind: "acts",
    setting,
    put(value, draft) {
      const parsed = read(value);
      if ("problem" in parsed) return parsed.problem;
      if (parsed.value !== null) setAt(draft, setting.split("."), parsed.value);
      return null;
    },
  };
}

/** Null = as without the key. */
export type Parsed = { readonly value: string | number | boolean | null } | { readonly problem: string };

const MOST = 2_147_483_647;

export function wholeNumber(text: string, least: number, most = MOST): Parsed {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return { value };
  return { problem: `expected a whole number from ${least} to ${most}` };
}

/** The original refuses to start where it is not above 0. */
export function milliseconds(text: string): Parsed {
  const parsed = wholeNumber(text, 1);
  return "problem" in parsed ? parsed : { value: `${parsed.value}ms` };
}

export function truth(text: string): Parsed {
  const word = text.toLowerCase();
  return word === "true" || word === "false"
    ? { value: word === "true" }
    : { problem: "expected true or false" };
}

/** Blank = as without the key. */
export function filled(text: string): Parsed {
  return { value: text === "" ? null : text };
}

/** `host:port` with commas between. */
export function servers(text: string): Parsed {
  const isList = text.split(",").every((server) => {
    const port = Number(/^\s*[^\s:/,]+:(\d{1,5})\s*$/.exec(text === "" ? "" : server)?.[1] ?? 0);
    return port > 0 && port <= 65_535;
  });
  return isList
    ? { value: text.replaceAll(/\s/g, "") }
    : { problem: "expected servers such as zk1:2181,zk2:2181" };
}

/** Without a `/` at the end, which the original does not mind. */
export function basePath(text: string): Parsed {
  const path = text.replace(/\/+$/, "");
  if (path === "") return { value: null };
  return path.startsWith("/") ? { value: path } : { problem: "expected a path such as /prod, or nothing" };
}
