/** What the plane tells its operator: one line for each change of a name. */
import type { NameChange } from "./host_name.ts";

export interface HostsEvent {
  readonly event: string;
  readonly level: "info" | "warning" | "error";
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Null for a change that nobody needs to hear of: more or fewer addresses behind the first one. */
export function changeEvent(change: NameChange, isDryRun: boolean): HostsEvent | null {
  const { name, state, before, switched } = change;
  const prefix = isDryRun ? "dry run: " : "";
  const fields = { name: name.name, pool: name.pool, state };
  if (state === "down" && before !== "down")
    return {
      event: "hosts_down",
      level: "error",
      text: `${prefix}${name.name}: no backend of pool ${name.pool} is healthy; ${downText(change)}`,
      fields: { ...fields, ...switched },
    };
  if (switched === null) {
    if (before !== "down" || state !== "serving") return null;
    const text = `${prefix}${name.name}: a backend of pool ${name.pool} is healthy again`;
    return { event: "hosts_recovered", level: "info", text, fields };
  }
  const { from, to, reason } = switched;
  const where = `${from === "" ? "" : `${from} -> `}${to === "" ? "no address" : to}`;
  return {
    event: "hosts_switched",
    level: "warning",
    text: `${prefix}${name.name}: ${where} (${reason})`,
    fields: { ...fields, ...switched },
  };
}

function downText({ name: { on_all_down }, address }: NameChange): string {
  if (on_all_down === "remove") return "it is removed";
  if (on_all_down !== "keep") return `it leads to ${on_all_down.last_resort} as its last resort`;
  if (address === null) return "what stands in the file stays";
  return address === "" ? "it has no address" : "its last address stays";
}
