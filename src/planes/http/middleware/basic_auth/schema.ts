import { z } from "zod";
import { lowerFieldName } from "../../../../core/schema/field.ts";
import { inputFile } from "../../../../core/schema/file_name.ts";
import { secret } from "../../../../core/schema/secret.ts";
import { problemOf } from "../checked_text.ts";
import type { FileFinding, MiddlewarePart } from "../contract.ts";
import { NO_USER, parseUser, parseUsersFile } from "./users.ts";

const VISIBLE = /^[\x20-\x7e]{1,256}$/;

const schema = z
  .strictObject({
    users: z.array(secret()).prefault([]).meta({
      description:
        "`name:hash` for each, as htpasswd makes them: bcrypt, argon2, apr1 or SHA-1, never in clear.",
    }),
    users_file: inputFile().optional().meta({
      description: "A file of such lines (htpasswd); it wins over `users` where both name somebody.",
    }),
    realm: z
      .string({ error: "expected text" })
      .regex(VISIBLE, { error: "expected 1 to 256 visible ASCII characters" })
      .prefault("fairlead")
      .meta({ description: "What browsers show when they ask for the password." }),
    header_field: lowerFieldName().optional().meta({
      description: "A field that tells the backend the name; whatever a client writes there is removed.",
    }),
    remove_header: z.boolean().prefault(false).meta({
      description: "Keep the Authorization field from the backend.",
    }),
  })
  .superRefine(({ users, users_file }, context) => {
    if (users.length === 0 && users_file === undefined)
      context.addIssue({
        code: "custom",
        message: "expected users or users_file: without users nobody passes",
      });
    const names = users.map((line) => line.split(":", 1)[0]!);
    for (const [index, line] of users.entries()) {
      const problem = problemOf(() => parseUser(line));
      const isRepeated = names.indexOf(names[index]!) < index;
      const message = problem ?? (isRepeated ? "a name that has come before; expected each user once" : null);
      if (message !== null) context.addIssue({ code: "custom", path: ["users", index], message });
    }
  });

/** Reads a file of users as the worker will, so that a mistake in it is told with all others. */
function checkFiles(options: unknown, textOf: (file: string) => string | null): FileFinding[] {
  const { users, users_file: file } = (options ?? {}) as { users?: unknown; users_file?: unknown };
  const inPlace = (Array.isArray(users) ? users : []).filter((line) => typeof line === "string");
  const text = typeof file === "string" ? textOf(file) : null;
  const findings = weakHashes("users", inPlace.filter((line) => SHA1_LINE.test(line)).length);
  if (text === null) return findings;
  try {
    const found = parseUsersFile(String(file), text);
    findings.push(...weakHashes("users_file", found.filter(({ kind }) => kind === "sha1").length));
    if (found.length + inPlace.length === 0) throw new Error(`${String(file)} ${NO_USER}`);
  } catch (error) {
    findings.push({ option: "users_file", severity: "error", message: (error as Error).message });
  }
  return findings;
}

const SHA1_LINE = /^[^:]*:\{SHA\}/;

function weakHashes(option: string, count: number): FileFinding[] {
  if (count === 0) return [];
  const passwords = count === 1 ? "1 password has" : `${count} passwords have`;
  const message = `${passwords} an unsalted SHA-1 hash, which is soon guessed; expected better ones, as htpasswd -B makes them`;
  return [{ option, severity: "warning", message }];
}

export type BasicAuthOptions = z.output<typeof schema>;

export const basicAuthPart: MiddlewarePart<BasicAuthOptions> = {
  name: "basic_auth",
  summary: "Asks for a name and a password (RFC 7617).",
  schema,
  checkFiles,
};
