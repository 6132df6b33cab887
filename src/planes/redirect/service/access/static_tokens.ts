/** Tokens of the configuration. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { RedirectTokenPlan } from "../../../../core/plan.ts";
import { principal, type Principal } from "./principal.ts";

export class StaticTokens {
  readonly #tokens: readonly { readonly digest: Buffer; readonly principal: Principal }[];

  constructor(tokens: readonly RedirectTokenPlan[]) {
    this.#tokens = tokens.map(({ name, token_sha256, granted }) => ({
      digest: Buffer.from(token_sha256, "hex"),
      principal: principal(name, granted),
    }));
  }

  /** Whose token it is, or null. All are compared, each in constant time: how long it takes tells nothing. */
  find(token: string): Principal | null {
    const digest = createHash("sha256").update(token, "latin1").digest();
    let found: Principal | null = null;
    for (const each of this.#tokens) if (timingSafeEqual(digest, each.digest)) found = each.principal;
    return found;
  }
}
