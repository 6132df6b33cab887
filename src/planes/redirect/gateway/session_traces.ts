/**
 * What became of requests that ask to be traced: those with a session (`rSessionId`) and a note that it is a test (`testInfo`), as
 * in the original. Sessions, their events and their length are bounded, whatever clients send.
 */
import type { Context } from "../../../core/redirect/context.ts";
import { isBlank } from "../../../core/redirect/context.ts";
import type { Decision } from "../../../core/redirect/decision.ts";
import { inUrl } from "../../../core/redirect/url.ts";
import type { RefusalCode } from "./refusals.ts";

const SESSION = "rSessionId";
const TEST = "testInfo";

/** Of one session. */
export const MAX_EVENTS = 50;
export const MAX_EVENT_CHARACTERS = 4_096;
/** Requests with longer ids are not traced. */
export const MAX_ID_CHARACTERS = 128;

export interface TraceEvent {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly at_ms: number;
  readonly message: string;
}

/** What the last decision of a session came to, without what the client said. */
export interface TracedDecision {
  readonly version: number;
  readonly type: string;
  readonly rule: string | null;
  readonly url_rules: readonly string[];
  readonly stack: string | null;
  readonly flavor: string | null;
  readonly is_fallback: boolean;
  /** URLs without their queries. */
  readonly locations: readonly string[];
}

export interface SessionTrace {
  readonly app: string;
  readonly id: string;
  /** Oldest first. */
  readonly events: readonly TraceEvent[];
  /** Events that were left out because there were too many, or too long ones. */
  readonly left_out: number;
  /** Null where the last request was refused. */
  readonly actual: TracedDecision | null;
}

/** Which traces are asked for; null = any. */
export interface TraceQuestion {
  readonly app: string | null;
  readonly id: string | null;
  /** Of each worker so many at most, the newest ones. */
  readonly newest: number;
  /** They are forgotten too. */
  readonly clear: boolean;
}

interface Kept {
  readonly app: string;
  readonly id: string;
  readonly events: TraceEvent[];
  characters: number;
  left_out: number;
  actual: TracedDecision | null;
}

export class SessionTraces {
  /** By application and id; oldest first. */
  readonly #sessions = new Map<string, Kept>();
  #most: number;

  /** Keeps at most `most` sessions. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The oldest ones that are too many go. */
  set most(most: number) {
    this.#most = most;
    this.#forgetOldest();
  }

  /** Adds what became of a request, where its parameters ask for that. */
  add(
    app: { readonly name: string; readonly version: number },
    context: Context,
    decision: Decision | RefusalCode,
    nowMs: number,
  ): void {
    const id = context(SESSION);
    if (id === undefined || isBlank(id) || id.length > MAX_ID_CHARACTERS) return;
    const note = context(TEST);
    if (note === undefined || isBlank(note)) return;
    const session = this.#session(app.name, id);
    for (const message of messagesOf(decision)) addEvent(session, { at_ms: nowMs, message });
    session.actual = typeof decision === "string" ? null : tracedDecision(decision, app.version);
  }

  #session(app: string, id: string): Kept {
    const key = JSON.stringify([app, id]);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const session: Kept = { app, id, events: [], characters: 0, left_out: 0, actual: null };
    this.#sessions.set(key, session);
    this.#forgetOldest();
    return session;
  }

  #forgetOldest(): void {
    for (const key of this.#sessions.keys()) {
      if (this.#sessions.size <= this.#most) return;
      this.#sessions.delete(key);
    }
  }

  /** Newest first. */
  find({ app, id, newest, clear }: TraceQuestion): SessionTrace[] {
    const entries = [...this.#sessions].filter(
      ([, session]) => (app === null || session.app === app) && (id === null || session.id === id),
    );
    const found = entries.reverse().slice(0, newest);
    if (clear) for (const [key] of entries) this.#sessions.delete(key);
    return found.map(([, session]) => {
      const { app: name, id: own, events, left_out, actual } = session;
      return { app: name, id: own, events: [...events], left_out, actual };
    });
  }
}

function addEvent(session: Kept, event: TraceEvent): void {
  const characters = session.characters + event.message.length;
  if (session.events.length >= MAX_EVENTS || characters > MAX_EVENT_CHARACTERS) {
    session.left_out++;
    return;
  }
  session.characters = characters;
  session.events.push(event);
}

function messagesOf(decision: Decision | RefusalCode): string[] {
  if (typeof decision === "string") return [`nobody can be sent anywhere: ${decision}`];
  const messages = [originMessage(decision)];
  if (decision.is_fallback) messages.push("fallback: no hosts where a rule, rollout or share led");
  if (decision.stack !== null)
    messages.push(`host chosen on ${decision.stack}/${decision.flavor}, looked up ${decision.spill}`);
  if (decision.url_rules.length > 0) messages.push(`URL rules: ${decision.url_rules.join(", ")}`);
  return [...messages, ...plainUrls(decision).map((url) => `sent to ${url}`)];
}

function originMessage({ type, rule, share }: Decision): string {
  if (type === "ROLLOUT_RULE") return `in rollout ${rule}`;
  if (rule !== null) return `rule ${rule} holds`;
  return type === "DISTRIBUTION_RULE" ? `share ${share! + 1} of the distribution` : "default server";
}

/** Queries hold what the client has said. */
function plainUrls({ locations }: Decision): string[] {
  return locations.map(({ protocol, destination, port, urn }) => {
    const path = urn.replace(/[?#].*$/s, "").replace(/^\//, "");
    return `${protocol}://${inUrl(destination)}${port === "" ? "" : `:${port}`}${path === "" ? "" : `/${path}`}`;
  });
}

function tracedDecision(decision: Decision, version: number): TracedDecision {
  const { type, rule, url_rules, stack, flavor, is_fallback } = decision;
  return { version, type, rule, url_rules, stack, flavor, is_fallback, locations: plainUrls(decision) };
}

/** Traces of several workers: of one session all events in the order of their time. Newest first, at most `newest`. */
export function joinTraces(answers: readonly (readonly SessionTrace[])[], newest: number): SessionTrace[] {
  const joined = new Map<string, SessionTrace>();
  for (const trace of answers.flat()) {
    const key = JSON.stringify([trace.app, trace.id]);
    const known = joined.get(key);
    joined.set(key, known === undefined ? trace : joinTwo(known, trace));
  }
  return [...joined.values()].toSorted((one, other) => lastTime(other) - lastTime(one)).slice(0, newest);
}

function joinTwo(one: SessionTrace, other: SessionTrace): SessionTrace {
  const later = lastTime(one) >= lastTime(other) ? one : other;
  return {
    ...later,
    events: [...one.events, ...other.events].toSorted((first, second) => first.at_ms - second.at_ms),
    left_out: one.left_out + other.left_out,
  };
}

function lastTime({ events }: SessionTrace): number {
  return events.at(-1)?.at_ms ?? 0;
}
