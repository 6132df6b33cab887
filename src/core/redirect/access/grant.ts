/** What a configuration gives somebody in the management service, as permissions. */
import { ROLES, type Role } from "./permissions.ts";

export interface Grant {
  readonly roles: readonly Role[];
  readonly permissions: readonly string[];
  /** The only applications; absent = those of roles and permissions. */
  readonly applications?: readonly string[] | undefined;
}

/** Names that no token may have: each stands for somebody else in changes and audit. */
export const OPERATOR = "operator";
export const ANONYMOUS = "anonymous";

const EVERYTHING = /^(?:permitAll|\*)$/;
const APPLICATION = /^(?:RESTOnly-)?redirector-accessApp-/;

/** The permissions as text, each once, in alphabetical order. */
export function grantedBy({ roles, permissions, applications }: Grant): string[] {
  const all = [...roles.flatMap((role): readonly string[] => ROLES[role]), ...permissions];
  const granted =
    applications === undefined
      ? all
      : [
          ...all.filter((text) => !APPLICATION.test(text)),
          ...applications.map((name) => `redirector-accessApp-${name}`),
        ];
  return [...new Set(granted)].toSorted();
}

/** True where `applications` would limit nothing, because everything is permitted. */
export function isLimitedInVain({ roles, permissions, applications }: Grant): boolean {
  return (
    applications !== undefined && grantedBy({ roles, permissions }).some((text) => EVERYTHING.test(text))
  );
}
