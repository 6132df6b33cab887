import { z } from "zod";
import { lowerFieldName } from "../../../../core/schema/field.ts";
import { inputFile } from "../../../../core/schema/file_name.ts";
import { secret } from "../../../../core/schema/secret.ts";
import { problemOf } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";
import { parseUser } from "./users.ts";

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

export type BasicAuthOptions = z.output<typeof schema>;

export const basicAuthPart: MiddlewarePart<BasicAuthOptions> = {
  name: "basic_auth",
  summary: "Asks for a name and a password (RFC 7617).",
  schema,
};
