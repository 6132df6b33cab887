/** Who may approve which pending changes, of applications and of lists alike: those that were looked at, and none of one's own. */
import type { Act } from "./editing.ts";
import type { ServiceFacts } from "./facts.ts";
import { ServiceError } from "./service_error.ts";

/** Some of the pending changes, as they were looked at. */
interface Looked<Change> {
  /** What the changes are about, in messages. */
  readonly subject: string;
  /** Of the pending changes as they are. */
  readonly version: number;
  readonly changes: readonly Change[];
}

/** Those of the changes that are meant. Throws ServiceError: 409 where others are pending than in `version`, 404 where there is none. */
export function chosenChanges<Change>(
  { subject, version: current, changes }: Looked<Change>,
  { version, takes }: { readonly version: number; readonly takes: (change: Change) => boolean },
): readonly Change[] {
  if (version !== current)
    throw new ServiceError(
      409,
      `${subject}: the pending changes are out of date: they have version ${current}, the request is about version ${version}`,
    );
  const taken = changes.filter(takes);
  if (taken.length === 0) throw new ServiceError(404, `${subject}: there is no such pending change`);
  return taken;
}

/** Throws ServiceError with 403 where somebody has had a hand in one of the changes, unless the policy allows that. */
export function refuseOwn<Change extends { readonly authors: readonly string[] }>(
  taken: readonly Change[],
  { who }: Act,
  { self_approval }: Pick<ServiceFacts, "self_approval">,
  textOf: (change: Change) => string,
): void {
  if (self_approval) return;
  const own = taken.filter(({ authors }) => authors.includes(who.name));
  if (own.length === 0) return;
  throw new ServiceError(
    403,
    `${who.name} has made ${own.map(textOf).join(", ")}; expected the approval of somebody else`,
  );
}
