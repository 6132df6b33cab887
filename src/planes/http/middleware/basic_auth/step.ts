import {
  type Exchange,
  type Foreseen,
  NEXT,
  RESPOND,
  type Step,
  type StepContext,
  type StepResult,
  WAIT,
} from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import { removeField } from "../fields.ts";
import { refuse } from "../refuse.ts";
import { Credentials, type Login } from "./credentials.ts";
import { isQuick, verifyNow } from "./passwords.ts";
import type { BasicAuthOptions } from "./schema.ts";
import { NO_USER, parseUser, parseUsersFile, type User } from "./users.ts";
import { type Asker, verifications } from "./verifications.ts";

/** Longest time that a verification and those before it may take. */
const DEADLINE_MS = 10_000;

export const basicAuth: Middleware<BasicAuthOptions> = {
  name: "basic_auth",
  create(options, context) {
    const users = usersOf(options, context);
    // The id is kept as text: no hash of a password belongs there.
    const digest = Bun.CryptoHasher.hash("sha256", JSON.stringify(users), "hex");
    const credentials = context.state(`basic_auth ${digest}`, () => new Credentials(users));
    return new BasicAuthStep(options, credentials, context.slot());
  },
};

/** Users of both sources, those of the file instead of others with their names. */
function usersOf({ users, users_file: path }: BasicAuthOptions, context: StepContext): User[] {
  const byName = new Map(users.map((line) => parseUser(line)).map((user) => [user.name, user]));
  if (path !== undefined)
    for (const user of parseUsersFile(path, context.readFile(path))) byName.set(user.name, user);
  if (byName.size === 0) throw new Error(`${path} ${NO_USER}`);
  return [...byName.values()];
}

class BasicAuthStep implements Step {
  readonly name = "basic_auth";
  readonly stage = "auth";
  readonly #credentials: Credentials;
  readonly #challenge: string;
  readonly #headerField: string | null;
  readonly #removeHeader: boolean;
  readonly #slot: number;

  constructor(
    { realm, header_field, remove_header }: BasicAuthOptions,
    credentials: Credentials,
    slot: number,
  ) {
    this.#credentials = credentials;
    this.#challenge = `WWW-Authenticate: Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"\r\n`;
    this.#headerField = header_field ?? null;
    this.#removeHeader = remove_header;
    this.#slot = slot;
  }

  onRequest(exchange: Exchange): StepResult {
    const { request } = exchange;
    const field = request.find("authorization");
    if (field < 0 || request.find("authorization", field + 1) >= 0) return this.#refuse(exchange);
    const value = request.valueAt(field);
    const key = this.#credentials.keyOf(value);
    const known = this.#credentials.known(key);
    if (known !== null) return known === "" ? this.#refuse(exchange) : this.#admit(exchange, known);
    const login = this.#credentials.read(value);
    if (login === null) return this.#refuse(exchange);
    if (!isQuick(login.user)) return this.#wait(exchange, key, login);
    const isRight = verifyNow(login.user, login.password);
    return isRight && login.isKnown ? this.#admit(exchange, login.user.name) : this.#refuse(exchange);
  }

  /** Passwords are not verified: that takes time, and others wait for it. What is known already counts. */
  foresee(exchange: Exchange): Foreseen {
    const { request } = exchange;
    const field = request.find("authorization");
    if (field < 0) return { result: this.#refuse(exchange), detail: "no credentials" };
    if (request.find("authorization", field + 1) >= 0)
      return { result: this.#refuse(exchange), detail: "two lines of credentials" };
    const value = request.valueAt(field);
    const known = this.#credentials.known(this.#credentials.keyOf(value));
    if (known === "" || (known === null && this.#credentials.read(value) === null))
      return { result: this.#refuse(exchange), detail: "wrong credentials" };
    if (known === null) return { result: null, detail: "the password is not verified" };
    return { result: this.#admit(exchange, known), detail: "right credentials" };
  }

  #wait(exchange: Exchange, key: string, login: Login): StepResult {
    const pending = new PendingLogin(this, exchange, key, login);
    const question = { key, user: login.user, password: login.password, client: exchange.client.address };
    if (!verifications.ask(question, pending))
      return exchange.fail("FL_TOO_MANY_IN_FLIGHT", "too many logins");
    pending.token = exchange.wait(DEADLINE_MS);
    exchange.slots[this.#slot] = pending;
    return WAIT;
  }

  /** The verification is over; the exchange still waits for it. */
  verified(exchange: Exchange, { key, token, login }: PendingLogin, isRight: boolean): void {
    exchange.slots[this.#slot] = undefined;
    const name = isRight && login.isKnown ? login.user.name : null;
    this.#credentials.remember(key, name);
    // The deadline has been faster.
    if (exchange.status !== 0) return;
    if (name === null) {
      this.#refuse(exchange);
      exchange.resume(token, RESPOND);
      return;
    }
    exchange.resume(token, this.#admit(exchange, name));
  }

  onDone(exchange: Exchange): void {
    const pending = exchange.slots[this.#slot];
    if (!(pending instanceof PendingLogin)) return;
    exchange.slots[this.#slot] = undefined;
    pending.exchange = null;
  }

  #refuse(exchange: Exchange): typeof RESPOND {
    return refuse(exchange, "FL_UNAUTHORIZED", this.#challenge);
  }

  #admit(exchange: Exchange, name: string): typeof NEXT {
    const { request } = exchange;
    exchange.user = name;
    if (this.#headerField !== null) {
      removeField(request, this.#headerField);
      request.add(this.#headerField, Buffer.from(name, "utf8").latin1Slice());
    }
    if (this.#removeHeader) request.remove("authorization");
    return NEXT;
  }
}

/** An exchange that waits; it forgets the exchange when that ends, as the object then serves another request. */
class PendingLogin implements Asker {
  readonly key: string;
  readonly login: Login;
  exchange: Exchange | null;
  token = 0;
  readonly #step: BasicAuthStep;

  constructor(step: BasicAuthStep, exchange: Exchange, key: string, login: Login) {
    this.#step = step;
    this.exchange = exchange;
    this.key = key;
    this.login = login;
  }

  get isWaiting(): boolean {
    return this.exchange !== null;
  }

  answered(isRight: boolean): void {
    const { exchange } = this;
    this.exchange = null;
    if (exchange !== null) this.#step.verified(exchange, this, isRight);
  }
}
