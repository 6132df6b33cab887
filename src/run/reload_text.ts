/** What a reload means for the operator, in words. */
import type { Plan } from "../core/plan.ts";
import type { RunEvent } from "./events.ts";
import type { ReloadResult } from "./parts.ts";

/** Settings of the process itself that a reload cannot change. */
export function restartNotes(atStart: Plan, now: Plan): string[] {
  const notes: string[] = [];
  for (const name of ["user", "group", "runtime_dir", "state_dir"] as const)
    if (atStart[name] !== now[name]) notes.push(`${name} acts from the next start on`);
  if ((atStart.workers === 0) !== (now.workers === 0)) notes.push("workers acts from the next start on");
  return notes;
}

/** A reload for the log; `by` = who has asked for it. */
export function reloadEvent(result: ReloadResult, by: string | null = null): RunEvent {
  const { event, level, text, fields } = eventOf(result);
  return by === null
    ? { event, level, text, ...(fields && { fields }) }
    : { event, level, text: `${text} (${by})`, fields: { ...fields, by } };
}

function eventOf(result: ReloadResult): RunEvent {
  const { generation } = result;
  if (!result.ok) {
    const what =
      result.acts === true
        ? `reloaded in part, generation ${generation} acts`
        : `reload refused, generation ${generation} goes on`;
    const text = `${what}: ${result.problems.join("; ")}`;
    const { problems, changes } = result;
    return {
      event: result.acts === true ? "reload_incomplete" : "reload_refused",
      level: "error",
      text,
      fields: changes === undefined ? { generation, problems } : { generation, problems, changes },
    };
  }
  const { changed, changes } = result;
  const what = changes.length === 0 ? "" : `: ${changes.join("; ")}`;
  const text = changed
    ? `reloaded, generation ${generation}${what}`
    : `nothing changed, generation ${generation}`;
  return { event: "reloaded", level: "info", text, fields: { generation, changed, changes } };
}
