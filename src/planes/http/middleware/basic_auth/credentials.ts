/** The users of a middleware, and which credentials were found right or wrong lately. It outlives reloads that do not change the users. */
import type { User } from "./users.ts";

/** Right credentials that are remembered; each user has one, or some where a long password is written in different ways. */
const MOST_RIGHT = 4_096;
/** Wrong ones, so that a client with an old password costs one verification and not one per request. */
const MOST_WRONG = 1_024;

export interface Login {
  /** The user with this name, or one whose hash takes as long to verify where nobody has the name. */
  readonly user: User;
  readonly isKnown: boolean;
  readonly password: Uint8Array;
}

/** Longer credentials are refused unread. Characters of the field. */
const MAX_LENGTH = 4_096;
const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i;
const COLON = 58;

export class Credentials {
  readonly #users: ReadonlyMap<string, User>;
  readonly #list: readonly User[];
  /** Nobody can find values that collide without this key, nor passwords in what is remembered. */
  readonly #key = crypto.getRandomValues(new Uint8Array(32));
  readonly #right = new Map<string, string>();
  readonly #wrong = new Set<string>();

  /** `users` is not empty. */
  constructor(users: readonly User[]) {
    this.#list = users;
    this.#users = new Map(users.map((user) => [nameBytes(user.name), user]));
  }

  /** By what a field's value is remembered. */
  keyOf(value: string): string {
    return new Bun.CryptoHasher("sha256", this.#key).update(value, "latin1").digest("base64");
  }

  /** Name of the user, "" for credentials that are known to be wrong, null for those that are not remembered. */
  known(key: string): string | null {
    return this.#right.get(key) ?? (this.#wrong.has(key) ? "" : null);
  }

  remember(key: string, name: string | null): void {
    if (name === null) {
      if (this.#wrong.size >= MOST_WRONG) this.#wrong.delete(this.#wrong.values().next().value!);
      this.#wrong.add(key);
      return;
    }
    if (this.#right.size >= MOST_RIGHT) this.#right.delete(this.#right.keys().next().value!);
    this.#right.set(key, name);
  }

  /** What the value of an Authorization field says (RFC 7617), or null. */
  read(value: string): Login | null {
    if (value.length > MAX_LENGTH) return null;
    const encoded = BASIC.exec(value)?.[1];
    if (encoded === undefined) return null;
    const bytes = new Uint8Array(Buffer.from(encoded, "base64"));
    const colon = bytes.indexOf(COLON);
    if (colon < 0) return null;
    const name = Buffer.from(bytes.buffer, bytes.byteOffset, colon).latin1Slice();
    const user = this.#users.get(name);
    const password = bytes.subarray(colon + 1);
    if (user !== undefined) return { user, isKnown: true, password };
    return { user: this.#standIn(name), isKnown: false, password };
  }

  /** The same name always has the same stand-in, so that its time is no sign either. */
  #standIn(name: string): User {
    const digest = new Bun.CryptoHasher("sha256", this.#key).update(name, "latin1").digest();
    return this.#list[digest.readUInt32LE(0) % this.#list.length]!;
  }
}

/** A name as clients send it: the bytes of UTF-8, one per character. */
function nameBytes(name: string): string {
  return Buffer.from(name, "utf8").latin1Slice();
}
