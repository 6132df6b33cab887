import { expect, test } from "bun:test";
import { foreseeing, runStep, testContext, testStep, type TestRun } from "../test_exchange.ts";
import { Credentials } from "./credentials.ts";
import { basicAuthPart } from "./schema.ts";
import { parseUser } from "./users.ts";

const BCRYPT = "anna:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";
const APR1 = "bob:$apr1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/";
const SHA1 = "carl:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

const credentials = (name: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${name}:${password}`, "utf8").toString("base64")}`;
const withLogin = (...fields: string[]) => ({ fields: ["Host: a", ...fields] });

/** Waits until a step that said WAIT has gone on or answered. */
async function settled(run: TestRun): Promise<TestRun> {
  for (let round = 0; run.result === 2 && run.resumed === null && run.status === 0; round++) {
    if (round > 5_000) throw new Error("the step waits for ever");
    await Bun.sleep(1);
  }
  return run;
}

test.each([
  ["anna", BCRYPT],
  ["bob", APR1],
  ["carl", SHA1],
])("H-I7/step %s passes with the password and with nothing else", async (name, user) => {
  const step = testStep(basicAuthPart, { users: [user] });
  const right = await settled(runStep(step, withLogin(credentials(name, "secret"))));
  expect(right.resumed ?? right.result).toBe(0);
  expect(right.exchange.user).toBe(name);
  for (const fields of [
    [credentials(name, "wrong")],
    [credentials(name, "")],
    [credentials("nobody", "secret")],
    [credentials("", "secret")],
    [],
    ["Authorization: Basic"],
    ["Authorization: Basic !!!"],
    [`Authorization: Basic ${Buffer.from(name).toString("base64")}`],
    [`Authorization: Bearer ${Buffer.from(`${name}:secret`).toString("base64")}`],
    [credentials(name, "secret"), credentials(name, "secret")],
    [`Authorization: Basic ${"A".repeat(5_000)}`],
  ]) {
    const wrong = await settled(runStep(step, withLogin(...fields)));
    expect(wrong.status).toBe(401);
    expect(wrong.answerField("WWW-Authenticate")).toBe('Basic realm="fairlead", charset="UTF-8"');
    expect(wrong.exchange.user).toBe("");
  }
});

test("the name of the scheme may have any case; the realm is quoted", async () => {
  const step = testStep(basicAuthPart, { users: [SHA1], realm: 'a "b" \\c' });
  expect(runStep(step, withLogin(credentials("carl", "secret").replace("Basic", "bAsIc "))).result).toBe(0);
  expect(runStep(step).answerField("WWW-Authenticate")).toBe(
    'Basic realm="a \\"b\\" \\\\c", charset="UTF-8"',
  );
});

test("names and passwords beyond ASCII are UTF-8", () => {
  const hash = new Bun.CryptoHasher("sha1").update("pa\u00dfwort \u20ac").digest("base64");
  const step = testStep(basicAuthPart, { users: [`m\u00fcller:{SHA}${hash}`], header_field: "X-User" });
  const run = runStep(step, withLogin(credentials("m\u00fcller", "pa\u00dfwort \u20ac")));
  expect(run.exchange.user).toBe("m\u00fcller");
  expect(run.sent).toContain("x-user: m\u00c3\u00bcller");
});

test("the backend learns the name from us alone, and the password only where it shall", () => {
  const login = credentials("carl", "secret");
  const options = { users: [SHA1], header_field: "X-Auth-User", remove_header: true };
  const forged = ["X-Auth-User: root", "x_auth_user: root", "X-AUTH_USER: root"];
  expect(runStep(testStep(basicAuthPart, options), withLogin(login, ...forged)).sent).toEqual([
    "Host: a",
    "x-auth-user: carl",
  ]);
  expect(runStep(testStep(basicAuthPart, { users: [SHA1] }), withLogin(login)).sent).toEqual([
    "Host: a",
    login,
  ]);
});

test("a file's users count, instead of others with their names", () => {
  const other = SHA1.replace(
    /\{SHA\}.*/,
    `{SHA}${new Bun.CryptoHasher("sha1").update("new").digest("base64")}`,
  );
  const context = testContext({ "/users": `# staff\n${other}\n` });
  const step = testStep(
    basicAuthPart,
    { users: [SHA1, SHA1.replace("carl", "dora")], users_file: "/users" },
    context,
  );
  expect(runStep(step, withLogin(credentials("carl", "new"))).result).toBe(0);
  expect(runStep(step, withLogin(credentials("carl", "secret"))).status).toBe(401);
  expect(runStep(step, withLogin(credentials("dora", "secret"))).result).toBe(0);
});

test("the configuration is told what is wrong with a file, and of hashes that are soon guessed", () => {
  const look = (options: unknown, content: string | null) =>
    basicAuthPart.checkFiles!(options, () => content);
  expect(look({ users_file: "/users" }, "anna:hunter2")).toEqual([
    {
      option: "users_file",
      severity: "error",
      message: expect.stringMatching(
        /^\/users:1: a password that is in clear .*; expected name:hash/,
      ) as never,
    },
  ]);
  expect(look({ users_file: "/users" }, "")).toEqual([
    { option: "users_file", severity: "error", message: "/users names no user; expected lines of name:hash" },
  ]);
  expect(
    look({ users: [SHA1, BCRYPT], users_file: "/users" }, `${SHA1}\n${SHA1.replace("carl", "dora")}`),
  ).toEqual([
    {
      option: "users",
      severity: "warning",
      message: expect.stringContaining("1 password has an unsalted SHA-1 hash") as never,
    },
    {
      option: "users_file",
      severity: "warning",
      message: expect.stringContaining("2 passwords have") as never,
    },
  ]);
  for (const malformed of [null, 7, [], { users: 7, users_file: [] }, { users: [null] }])
    expect(look(malformed, null)).toEqual([]);
});

test("a file that is malformed or empty does not make a step", () => {
  const make = (content: string) => () =>
    testStep(basicAuthPart, { users_file: "/users" }, testContext({ "/users": content }));
  expect(make("anna:hunter2")).toThrow("/users:1: a password that is in clear");
  expect(make("# nobody\n")).toThrow("/users names no user; expected lines of name:hash");
});

test("H-I7/step what has been verified once, right or wrong, costs no second verification", async () => {
  const context = testContext();
  const step = testStep(basicAuthPart, { users: [BCRYPT] }, context);
  for (const [password, status] of [
    ["secret", 0],
    ["wrong", 401],
  ] as const) {
    const first = runStep(step, withLogin(credentials("anna", password)));
    expect(first.result).toBe(2);
    await settled(first);
    const second = runStep(step, withLogin(credentials("anna", password)));
    expect(second.result).not.toBe(2);
    expect([first.status, second.status]).toEqual([status, status]);
  }
  const reloaded = testStep(basicAuthPart, { users: [BCRYPT], realm: "other" }, context);
  expect(runStep(reloaded, withLogin(credentials("anna", "secret"))).result).toBe(0);
  const changed = testStep(basicAuthPart, { users: [BCRYPT, SHA1] }, context);
  expect(runStep(changed, withLogin(credentials("anna", "secret"))).result).toBe(2);
});

test("H-I7/step a name that nobody has is verified like one that somebody has, always by the same hash", async () => {
  const step = testStep(basicAuthPart, { users: [BCRYPT] });
  for (const password of ["secret", "wrong"]) {
    const run = runStep(step, withLogin(credentials("nobody", password)));
    expect(run.result).toBe(2);
    await settled(run);
    expect(run.status).toBe(401);
  }
  const users = [BCRYPT, BCRYPT.replace("anna", "dora"), APR1, SHA1].map(parseUser);
  const store = new Credentials(users);
  const standIns = new Set<string>();
  for (let index = 0; index < 100; index++) {
    const value = credentials(`nobody${index}`, "x").slice("Authorization: ".length);
    const login = store.read(value)!;
    expect(login.isKnown).toBe(false);
    expect(store.read(value)!.user).toBe(login.user);
    standIns.add(login.user.name);
  }
  expect(standIns.size).toBe(users.length);
});

test("a client that goes away while its password is verified leaves nothing behind", async () => {
  const step = testStep(basicAuthPart, { users: [BCRYPT] });
  const gone = runStep(step, withLogin(credentials("anna", "gone")));
  gone.connection.onClose();
  expect(gone.isDone).toBe(true);
  // The exchange object serves the next request, which the late result must not touch.
  const next = runStep(step, withLogin(credentials("anna", "secret")));
  expect(next.exchange).toBe(gone.exchange);
  await settled(next);
  expect(next.resumed).toBe(0);
  expect(next.status).toBe(0);
  expect(gone.written).toBe("");
});

test("a result that comes after the deadline's answer changes nothing", async () => {
  const step = testStep(basicAuthPart, { users: [BCRYPT] });
  const run = runStep(step, withLogin(credentials("anna", "late")));
  run.exchange.fail("FL_STEP_TIMEOUT");
  const { written } = run;
  expect(run.status).toBe(503);
  const other = await settled(runStep(step, withLogin(credentials("anna", "other"))));
  expect(other.status).toBe(401);
  expect(run.written).toBe(written);
});

test("H-I7/step a client with too many logins at once is told to wait", async () => {
  const step = testStep(basicAuthPart, { users: [BCRYPT] });
  const runs = Array.from({ length: 12 }, (_, index) =>
    runStep(step, { ...withLogin(credentials("anna", `guess${index}`)), client: { address: "203.0.113.5" } }),
  );
  expect(runs.filter(({ status }) => status === 429)).toHaveLength(4);
  for (const run of runs) await settled(run);
  expect(runs.filter(({ status }) => status === 401)).toHaveLength(8);
});

test("what would happen is told as far as no password must be verified", async () => {
  const context = testContext();
  const step = testStep(basicAuthPart, { users: [BCRYPT] }, context);
  const foreseen = (...fields: string[]) => runStep(foreseeing(step), withLogin(...fields));
  const [right, wrong] = [credentials("anna", "secret"), credentials("anna", "wrong")];
  for (const fields of [[], ["Authorization: Basic !!!"], [right, right]])
    expect(foreseen(...fields).status).toBe(401);
  for (const fields of [right, wrong])
    expect([foreseen(fields).result, foreseen(fields).status]).toEqual([2, 0]);
  await settled(runStep(step, withLogin(right)));
  await settled(runStep(step, withLogin(wrong)));
  expect([foreseen(right).result, foreseen(right).exchange.user]).toEqual([0, "anna"]);
  expect(foreseen(wrong).status).toBe(401);
});
