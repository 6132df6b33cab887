import { existsSync } from "node:fs";

/** Path of a program, also of one that is only on the administrator's path; null when the machine does not have it. */
export function findTool(name: string): string | null {
  const own = Bun.which(name);
  if (own !== null) return own;
  return (
    ["/usr/local/sbin", "/usr/sbin", "/sbin"].map((folder) => `${folder}/${name}`).find(existsSync) ?? null
  );
}
