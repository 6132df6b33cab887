/** Fuzz entry of htpasswd files: any bytes as the users of a route. */
import { parseUsersFile, type User } from "../../src/planes/http/middleware/basic_auth/users.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const PATH = "/etc/users";

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  const text = new TextDecoder().decode(bytes);
  let users: User[];
  try {
    users = parseUsersFile(PATH, text);
  } catch (error) {
    const { message } = error as Error;
    check(message.startsWith(`${PATH}:`), `a refusal without its place: ${message}`);
    checkSecrets(text, message);
    return message.replace(/\d+/g, "0");
  }
  check(new Set(users.map(({ name }) => name)).size === users.length, "a user twice");
  const written = users.map(({ name, hash }) => `${name}:${hash}`).join("\n");
  // What begins with # is no name in a file, so there is none to write.
  const again = parseUsersFile(PATH, written);
  check(Bun.deepEquals(again, users), "users that are written again read differently");
  return users.map(({ kind }) => kind).join(" ");
}

/** No part of a line may stand in a message: it may be a password. */
function checkSecrets(text: string, message: string): void {
  const allowed = `${PATH}:0123456789 a line without a name bcrypt argon2 apr1 SHA-1 name:hash`;
  for (const line of text.split(/\r?\n/)) {
    const secret = line.slice(line.indexOf(":") + 1).trim();
    if (secret.length > 12 && !allowed.includes(secret) && message.includes(secret))
      throw new Error("a refusal holds a part of the file");
  }
}

const bcrypt = `$2y$05$${"a".repeat(53)}`;
const argon2 = `$argon2id$v=19$m=65536,t=3,p=4$${"b".repeat(22)}$${"c".repeat(43)}`;

export const usersFile: FuzzEntry = {
  name: "users_file",
  run,
  seeds: () =>
    [
      `anna:${bcrypt}\nbert:$apr1$salt$${"d".repeat(22)}\n`,
      `# users\r\n\r\ncarl:{SHA}${"e".repeat(27)}=\r\n`,
      `dora:${argon2}`,
      "in:clear",
      `anna:${bcrypt}\nanna:${bcrypt}`,
    ].map((text) => new TextEncoder().encode(text)),
  tokens: [
    bcrypt,
    argon2,
    "$apr1$",
    "{SHA}",
    "$2y$",
    "$argon2id$v=19$",
    "m=",
    ",t=",
    ",p=",
    ":",
    "#",
    "\n",
    "\r\n",
  ],
};
