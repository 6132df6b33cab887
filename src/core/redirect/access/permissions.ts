/**
 * Who may do what in the management service, in the original's words: `read-rules`, `write-namespacedLists`,
 * `deny-write-namespacedLists-beta`, `redirector-accessApp-a1`. What is not allowed is refused.
 */

export type AccessMode = "read" | "write";

/** What somebody wants to do. */
export interface Access {
  readonly mode: AccessMode;
  /** `rules`, `changes`, … */
  readonly endpoint: string;
  /** One of several under the endpoint, such as a named list; null = none by itself. */
  readonly entity: string | null;
  /** Null where it is about no application. */
  readonly app: string | null;
}

const EVERYTHING: readonly string[] = ["permitAll", "*"];
const APP = "redirector-accessApp";
/** The original's pages ignore these, its API does not; here they are as any other. */
const REST_ONLY = /^RESTOnly-/;
const PERMISSION =
  /^(?:RESTOnly-)?(?:(?:read|write)-(?:[A-Za-z]+|\*)|(?:allow|deny)-(?:read|write)-[A-Za-z]+-.+|redirector-accessApp-.+)$/;

/** What is wrong with a permission as text, or null. */
export function permissionProblem(text: string): string | null {
  if (EVERYTHING.includes(text) || PERMISSION.test(text)) return null;
  return `${JSON.stringify(text)}: expected a permission such as read-rules, deny-write-namespacedLists-NAME, ${APP}-NAME or permitAll`;
}

export class Permissions {
  readonly #permissions: ReadonlySet<string>;

  constructor(permissions: Iterable<string>) {
    this.#permissions = new Set([...permissions].map((text) => text.replace(REST_ONLY, "")));
  }

  /** What is said of the entity beats what is said of the endpoint, and a denial beats everything but `permitAll`. */
  allows({ mode, endpoint, entity, app }: Access): boolean {
    const permissions = this.#permissions;
    if (EVERYTHING.some((text) => permissions.has(text))) return true;
    if (app !== null && !permissions.has(`${APP}-${app}`) && !permissions.has(`${APP}-*`)) return false;
    if (entity !== null) {
      const has = (verdict: string): boolean =>
        permissions.has(`${verdict}-${mode}-${endpoint}-${entity}`) ||
        permissions.has(`${verdict}-${mode}-${endpoint}-*`);
      if (has("deny")) return false;
      if (has("allow")) return true;
    }
    return permissions.has(`${mode}-${endpoint}`) || permissions.has(`${mode}-*`);
  }
}

const EDITED: readonly string[] = [
  "rules",
  "urlRules",
  "templates",
  "distributions",
  "rollouts",
  "servers",
  "whitelist",
  "namespacedLists",
  "stackComments",
  "testSuite",
];

const VIEWER: readonly string[] = ["read-*", `${APP}-*`];

/** Named sets. Nobody but `admin` both edits and approves. */
export const ROLES = {
  viewer: VIEWER,
  editor: [...VIEWER, ...EDITED.map((endpoint) => `write-${endpoint}`)],
  approver: [...VIEWER, "write-changes"],
  admin: ["permitAll"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Role = keyof typeof ROLES;
