/** What a decision that many clients get is answered and logged with: made once, and kept beside it. */
import type { Decision } from "../../../core/redirect/decision.ts";
import { type LoggedDecision, KeptText } from "../../../observe/access_record.ts";
import { redirectFields } from "./answers.ts";
import type { GatewayApp } from "./gateway_app.ts";

export class SharedAnswer {
  readonly logged: LoggedDecision;
  readonly #app: GatewayApp;
  readonly #fields: string;
  #date = "";
  #withDate = "";

  private constructor(app: GatewayApp, decision: Decision) {
    const { type, rule, url_rules, stack, flavor, is_fallback } = decision;
    this.logged = { type, rule, url_rules, stack, flavor, is_fallback, kept: new KeptText() };
    this.#app = app;
    this.#fields = redirectFields(decision, app.options, app.version);
  }

  /** What is kept beside `decision`, or null where that was made for one client. */
  static of(app: GatewayApp, decision: Decision): SharedAnswer | null {
    const { shared } = decision;
    if (shared === null) return null;
    const known = shared.made as SharedAnswer | null;
    if (known !== null && known.#app === app) return known;
    const made = new SharedAnswer(app, decision);
    shared.made = made;
    return made;
  }

  /** The fields of a redirect, with the Date field `date`. */
  fields(date: string): string {
    if (date !== this.#date) {
      this.#date = date;
      this.#withDate = `${this.#fields}${date}`;
    }
    return this.#withDate;
  }
}
