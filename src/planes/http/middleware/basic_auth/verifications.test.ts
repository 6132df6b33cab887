import { expect, test } from "bun:test";
import { parseUser } from "./users.ts";
import { type Question, Verifications } from "./verifications.ts";

const SLOW = parseUser("anna:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a");
const BLOCKING = parseUser("bob:$apr1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/");

const question = (key: string, client: string, user = SLOW, password = "secret"): Question => ({
  key,
  user,
  password: new TextEncoder().encode(password),
  client,
});

class TestAsker {
  isWaiting = true;
  readonly answers: boolean[] = [];

  answered(isRight: boolean): void {
    this.answers.push(isRight);
  }
}

async function idle(verifications: Verifications): Promise<void> {
  for (let round = 0; verifications.size > 0; round++) {
    if (round > 5_000) throw new Error("verifications do not end");
    await Bun.sleep(1);
  }
}

test("all who ask the same are answered by one verification", async () => {
  const verifications = new Verifications();
  const askers = [new TestAsker(), new TestAsker(), new TestAsker()];
  for (const asker of askers) expect(verifications.ask(question("k", "c"), asker)).toBe(true);
  expect(verifications.size).toBe(1);
  await idle(verifications);
  expect(askers.map(({ answers }) => answers)).toEqual([[true], [true], [true]]);
});

test("whoever does not wait any more is not answered, and nothing is worked out for nobody", async () => {
  const verifications = new Verifications();
  const askers = Array.from({ length: 5 }, () => new TestAsker());
  for (const [index, asker] of askers.entries()) verifications.ask(question(`k${index}`, `c${index}`), asker);
  for (const asker of askers) asker.isWaiting = false;
  await idle(verifications);
  expect(askers.flatMap(({ answers }) => answers)).toEqual([]);
});

test("H-I7/step one client cannot fill the queue, and all together not beyond its end", async () => {
  const verifications = new Verifications();
  const askers: TestAsker[] = [];
  const ask = (key: string, client: string): boolean => {
    const asker = new TestAsker();
    askers.push(asker);
    return verifications.ask(question(key, client), asker);
  };
  const ofOne = Array.from({ length: 20 }, (_, index) => ask(`one${index}`, "192.0.2.1"));
  expect(ofOne.filter(Boolean)).toHaveLength(8);
  const ofMany = Array.from({ length: 300 }, (_, index) => ask(`many${index}`, `client${index}`));
  expect(ofMany.filter(Boolean)).toHaveLength(248);
  expect(verifications.size).toBe(256);
  for (const asker of askers) asker.isWaiting = false;
  await idle(verifications);
  expect(ask("one", "192.0.2.1")).toBe(true);
  await idle(verifications);
  expect(askers.at(-1)!.answers).toEqual([true]);
});

test("hashes that block the thread leave time to others in between", async () => {
  const verifications = new Verifications();
  const askers = Array.from({ length: 6 }, () => new TestAsker());
  const order: number[] = [];
  for (const [index, asker] of askers.entries()) {
    asker.answered = () => order.push(index);
    verifications.ask(question(`k${index}`, `c${index}`, BLOCKING), asker);
  }
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await idle(verifications);
  clearInterval(timer);
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(turns).toBeGreaterThanOrEqual(5);
});

test("slow hashes go on beside those that block the thread", async () => {
  const verifications = new Verifications();
  const [blocking, slow] = [new TestAsker(), new TestAsker()];
  verifications.ask(question("a", "a", BLOCKING, "wrong"), blocking);
  verifications.ask(question("b", "b", BLOCKING), new TestAsker());
  verifications.ask(question("c", "c", SLOW), slow);
  await idle(verifications);
  expect([blocking.answers, slow.answers]).toEqual([[false], [true]]);
});
