/** Lines of htpasswd: names and the hashes of their passwords. Errors never quote a line. */
import { SyntaxProblem } from "../../../../core/rules/linear_regex.ts";

export type HashKind = "bcrypt" | "argon2" | "apr1" | "sha1";

export interface User {
  /** As it is written. */
  readonly name: string;
  readonly kind: HashKind;
  readonly hash: string;
}

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const ARGON2 =
  /^\$argon2(?:id|i|d)\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/;
const APR1 = /^\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}$/;
const SHA1 = /^\{SHA\}[A-Za-z0-9+/]{27}=$/;

/** More would take seconds for each login. */
const MAX_BCRYPT_COST = 15;
const MIN_BCRYPT_COST = 4;
/** KiB, passes and lanes. */
const MAX_ARGON2 = [262_144, 16, 16] as const;
const EXPECTED =
  "name:hash with a hash of bcrypt ($2y$, as htpasswd -B makes it), argon2 ($argon2id$), apr1 ($apr1$) or SHA-1 ({SHA})";
/** What is wrong with a file without users. */
export const NO_USER = "names no user; expected lines of name:hash";
const CONTROL = /[\0-\x1f\x7f]/;

/** One user. Throws SyntaxProblem. */
export function parseUser(line: string): User {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  if (name === "" || CONTROL.test(name)) throw new SyntaxProblem("a line without a name", EXPECTED);
  const hash = line.slice(colon + 1).trimEnd();
  return { name, kind: kindOf(hash), hash };
}

function kindOf(hash: string): HashKind {
  const cost = BCRYPT.exec(hash)?.[1];
  if (cost !== undefined) {
    if (Number(cost) >= MIN_BCRYPT_COST && Number(cost) <= MAX_BCRYPT_COST) return "bcrypt";
    throw new SyntaxProblem(
      `a bcrypt hash of cost ${Number(cost)}`,
      `a cost from ${MIN_BCRYPT_COST} to ${MAX_BCRYPT_COST}`,
    );
  }
  const argon2 = ARGON2.exec(hash);
  if (argon2 !== null) {
    const sizes = argon2.slice(1).map(Number);
    if (sizes.every((size, index) => size >= 1 && size <= MAX_ARGON2[index]!)) return "argon2";
    throw new SyntaxProblem(
      `an argon2 hash of m=${sizes[0]},t=${sizes[1]},p=${sizes[2]}`,
      `at most m=${MAX_ARGON2[0]},t=${MAX_ARGON2[1]},p=${MAX_ARGON2[2]}`,
    );
  }
  if (APR1.test(hash)) return "apr1";
  if (SHA1.test(hash)) return "sha1";
  throw new SyntaxProblem("a password that is in clear or hashed in an unknown way", EXPECTED);
}

/** The users of a file: a line each, empty ones and those that begin with `#` are left out. Throws an Error with the place. */
export function parseUsersFile(path: string, text: string): User[] {
  const users = new Map<string, User>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    try {
      const user = parseUser(line);
      if (users.has(user.name)) throw new SyntaxProblem("a name that has come before", "each user once");
      users.set(user.name, user);
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      throw new Error(`${path}:${index + 1}: ${error.what}; expected ${error.expected}`, { cause: error });
    }
  }
  return [...users.values()];
}
