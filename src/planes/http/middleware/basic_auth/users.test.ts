import { expect, test } from "bun:test";
import { parseUser, parseUsersFile } from "./users.ts";

const BCRYPT = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";
const ARGON2 =
  "$argon2id$v=19$m=1024,t=2,p=1$TSgV47gmvnAwR4LlJV7ETReKK26fSOsbkbirp4lg6s8$g6nHds040BjHrOaqyTT89ZbVgk1cRF5Y9f6T4JbbMXU";

test.each([
  [BCRYPT, "bcrypt"],
  [BCRYPT.replace("2y", "2a"), "bcrypt"],
  [ARGON2, "argon2"],
  ["$apr1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/", "apr1"],
  ["{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "sha1"],
])("%p is a hash of %p", (hash, kind) => {
  expect(parseUser(`m\u00fcller:${hash} `)).toEqual({ name: "m\u00fcller", kind, hash } as never);
});

test.each([
  ["anna:hunter2", "a password that is in clear or hashed in an unknown way"],
  ["anna:", "a password that is in clear or hashed in an unknown way"],
  ["anna", "a line without a name"],
  [`:${BCRYPT}`, "a line without a name"],
  [`a\tb:${BCRYPT}`, "a line without a name"],
  ["anna:$1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/", "hashed in an unknown way"],
  [`anna:${BCRYPT.replace("$05", "$03")}`, "a bcrypt hash of cost 3, expected a cost from 4 to 15"],
  [`anna:${BCRYPT.replace("$05", "$20")}`, "a bcrypt hash of cost 20"],
  [`anna:${BCRYPT}x`, "hashed in an unknown way"],
  [
    `anna:${ARGON2.replace("m=1024", "m=9999999")}`,
    "an argon2 hash of m=9999999,t=2,p=1, expected at most m=262144",
  ],
  [`anna:${ARGON2.replace("t=2", "t=0")}`, "an argon2 hash of"],
])("%p is refused: %s", (line, message) => {
  expect(() => parseUser(line)).toThrow(message);
  try {
    parseUser(line);
  } catch (error) {
    expect(String(error)).not.toContain("hunter2");
  }
});

test("a file has comments and empty lines, with either line end", () => {
  const users = parseUsersFile(
    "f",
    `# staff\r\n\r\nanna:${BCRYPT}\r\n\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n`,
  );
  expect(users.map(({ name, kind }) => [name, kind])).toEqual([
    ["anna", "bcrypt"],
    ["bob", "sha1"],
  ]);
});

test("what is wrong in a file is told by its line, without the line", () => {
  expect(() => parseUsersFile("/etc/users", `anna:${BCRYPT}\n\nbob:hunter2\n`)).toThrow(
    "/etc/users:3: a password that is in clear or hashed in an unknown way; expected name:hash",
  );
  expect(() => parseUsersFile("/etc/users", `anna:${BCRYPT}\nanna:${BCRYPT}`)).toThrow(
    "/etc/users:2: a name that has come before; expected each user once",
  );
});
