/** The management service over a real store in a file, for tests: who asks, says so in the field `Authorization`. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROLES, type Role } from "../../../core/redirect/access/permissions.ts";
import type { StackHosts } from "../../../core/redirect/hosts.ts";
import { NamedLists } from "../../../core/redirect/named_lists.ts";
import { strategyByName } from "../../../core/strategies/all.ts";
import { realClock } from "../../../platform/clock.ts";
import type { Store } from "../../../store/contract.ts";
import { SqliteStore } from "../../../store/sqlite/store.ts";
import type { KnownGood } from "../last_known_good/content.ts";
import type { SessionTrace } from "../gateway/session_traces.ts";
import { appDecider } from "../gateway/app_decider.ts";
import { principal } from "./access/principal.ts";
import { endpoints } from "./endpoints/all.ts";
import type { ServiceFacts } from "./facts.ts";
import { ServiceApi } from "./http/api.ts";
import { Service } from "./service.ts";
import { ServiceError } from "./service_error.ts";

/** JSON that a test looks into. */
export interface Json {
  readonly [key: string]: Json;
}

export interface TestAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly fields: string;
  readonly bytes: Uint8Array;
  json(): Json;
  /** Of the JSON. */
  version(): number;
}

export interface TestRequest {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

export interface TestServiceOptions {
  readonly stacks?: Readonly<Record<string, readonly StackHosts[]>>;
  readonly compat?: boolean;
  readonly self_approval?: boolean;
  readonly max_model_bytes?: number;
  readonly max_revisions?: number;
  /** What acts in the gateway beside it. */
  readonly known?: KnownGood;
  readonly traces?: readonly SessionTrace[];
  /** Another service beside it has the same store. */
  readonly store?: Store;
}

const GATEWAY = {
  answer: "redirect",
  location: "full",
  answer_headers: false,
  sticky_parameters: ["serviceAccountId", "mac"],
  strategy: "round_robin",
  affinity: null,
  spill_over: null,
  feedback: null,
} as const;

/** One host for each address, of weight 5. */
export function stack(path: string, flavor: string, ...addresses: readonly string[]): StackHosts {
  const hosts = addresses.map((ipv4) => ({ key: `${path}/${flavor}/${ipv4}`, ipv4, ipv6: null, weight: 5 }));
  return { stack: path, flavor, hosts };
}

export class TestService {
  readonly service: Service;
  readonly store: Store;
  readonly reports: string[] = [];
  /** Hosts by application, which tests may change. */
  readonly stacks: Map<string, readonly StackHosts[]>;
  readonly #api: ServiceApi;
  readonly #directory: string | null;

  constructor(options: TestServiceOptions = {}) {
    this.stacks = new Map(Object.entries(options.stacks ?? {}));
    this.#directory = options.store === undefined ? mkdtempSync(join(tmpdir(), "redirect-service-")) : null;
    this.store = options.store ?? openTestStore(this.#directory!);
    this.service = new Service(this.#facts(options));
    const authenticator = { authenticate: authenticated };
    this.#api = new ServiceApi(this.service, () => authenticator, endpoints);
  }

  #facts(options: TestServiceOptions): ServiceFacts {
    const compat = options.compat ?? false;
    return {
      clock: realClock,
      store: () => this.store,
      max_model_bytes: options.max_model_bytes ?? 32 * 1024 * 1024,
      max_revisions: options.max_revisions ?? 200,
      self_approval: options.self_approval ?? false,
      applications: () => [...this.stacks.keys()],
      stacks: (app) => this.stacks.get(app) ?? [],
      known: () => options.known ?? null,
      services_root: "/services",
      isCompat: () => compat,
      decider: (app, model, lists) => {
        const parts = { random: Math.random, strategy: strategyByName };
        const made = { model, options: { ...GATEWAY, compat } };
        const decider = appDecider(app, made, NamedLists.of(lists), parts);
        decider.setHosts(this.stacks.get(app) ?? []);
        return Promise.resolve(decider);
      },
      login: () => null,
      traces: ({ id }) =>
        Promise.resolve(options.traces?.filter((trace) => id === null || trace.id === id) ?? null),
      report: ({ text }) => void this.reports.push(text),
    };
  }

  /** `who` is a name and a role or permissions: `ann:editor`, `bob:read-rules,redirector-accessApp-a1`; "" = nobody. */
  async ask(who: string, method: string, target: string, request: TestRequest = {}): Promise<TestAnswer> {
    const { body = null, type = null, accept = null } = request;
    const bytes = bytesOf(body);
    const [path = "", query = ""] = target.split("?", 2);
    const admission = await this.#api.admit({
      method,
      path: `/admin/redirect${path}`,
      query,
      authority: "127.0.0.1",
      accept,
      content_type: type ?? (body === null ? null : "application/json"),
      authorization: who === "" ? [] : [who],
      cookies: [],
      is_operator: false,
      client_address: "127.0.0.1",
    });
    const answer = "answer" in admission ? admission.answer : await admission.handle(bytes);
    const answered = typeof answer.body === "string" ? new TextEncoder().encode(answer.body) : answer.body;
    const text = new TextDecoder().decode(answered);
    const { status, fields = "" } = answer;
    const json = (): Json => JSON.parse(text) as Json;
    const version = (): number => json()["version"] as unknown as number;
    return { status, type: answer.type, text, fields, bytes: answered, json, version };
  }

  async close(): Promise<void> {
    if (this.#directory === null) return;
    await this.store.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A store in a folder, which is made where it is missing. */
export function openTestStore(directory: string): Store {
  mkdirSync(directory, { recursive: true });
  const options = { directory, base: "", lease_ms: 10_000, poll_ms: 20 };
  return new SqliteStore(options, {
    clock: realClock,
    random: Math.random,
    names: { lookup: () => Promise.reject(new Error("the test has no names")) },
    state_dir: directory,
    readFile: () => "",
  });
}

function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (body === null) return new Uint8Array(0);
  return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
}

async function authenticated({ authorization: [given] }: { authorization: readonly string[] }) {
  if (given === undefined) throw new ServiceError(401, "expected credentials");
  const [name = "", granted = ""] = given.split(":", 2);
  const permissions = granted.split(",").flatMap((text) => ROLES[text as Role] ?? [text]);
  return principal(name, permissions);
}
