/** A call of an endpoint: what came, as endpoints read it, and how they answer. */
import {
  readJson,
  writeJson,
  type DocumentKind,
  type WrittenKind,
} from "../../../../core/redirect/documents/kind.ts";
import { documentProblemText, type Read } from "../../../../core/redirect/documents/reading.ts";
import { readXml, writeXml } from "../../documents/xml.ts";
import type { MountedHead } from "../../../../core/mounted_service.ts";
import { expectAllowed, type Principal } from "../access/principal.ts";
import type { Act } from "../editing.ts";
import { refusedWith, ServiceError } from "../service_error.ts";
import { asFile, type ServiceAnswer } from "./answer.ts";

export interface CallInput {
  readonly parameters: Readonly<Record<string, string>>;
  readonly head: MountedHead;
  readonly body: Uint8Array;
  readonly who: Principal;
  /** Largest body in bytes. */
  readonly max_bytes: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const XML_TYPE = /^(?:application|text)\/xml\b/i;
const JSON_TYPE = /^application\/(?:json|[\w.-]+\+json)\b/i;

export class Call {
  readonly who: Principal;
  readonly head: MountedHead;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  readonly #input: CallInput;

  constructor(input: CallInput) {
    this.#input = input;
    this.who = input.who;
    this.head = input.head;
    this.query = new URLSearchParams(input.head.query);
    this.body = input.body;
  }

  /** Decoded segment of the path. */
  parameter(name: string): string {
    return this.#input.parameters[name]!;
  }

  get app(): string {
    return this.parameter("app");
  }

  /** Who asks, and the reason that stands in the query. */
  get act(): Act {
    return { who: this.who, reason: this.query.get("reason") };
  }

  /** A whole number in the path. Throws ServiceError with 400. */
  number(name: string): number {
    const given = this.parameter(name);
    if (/^\d{1,15}$/.test(given)) return Number(given);
    throw new ServiceError(400, `${name}: ${JSON.stringify(given)}; expected a whole number`);
  }

  /** Why somebody approves changes of their own, null = they do not. Throws ServiceError: 403 without the permission, 400 for no reason. */
  get breakGlass(): string | null {
    const reason = this.query.get("break_glass");
    if (reason === null) return null;
    this.expectPermission("write", "breakGlass");
    if (reason.trim() === "") throw new ServiceError(400, "break_glass: expected a reason");
    return reason;
  }

  /** Throws ServiceError with 403. */
  expectPermission(mode: "read" | "write", endpoint: string, entity: string | null = null): void {
    const app = this.#input.parameters["app"] ?? null;
    expectAllowed(this.who, { mode, endpoint, entity, app });
  }

  /** Whether whoever asks may read this of an application, as answers about several of them leave others out. */
  maySee(endpoint: string, app: string): boolean {
    return this.who.permissions.allows({ mode: "read", endpoint, entity: null, app });
  }

  /**
   * The body as a document of `kind`, in JSON or XML. Throws ServiceError: 415 for another type, 400 with everything that is wrong:
   * nothing of a document with problems is taken, nor of one with a warning that the checks have a code for.
   */
  document<Value>(kind: DocumentKind<Value>): Value {
    const { body, max_bytes: maxBytes } = this.#input;
    const { content_type: type } = this.head;
    if (body.length === 0) throw new ServiceError(400, `there is no body; expected ${kind.name}`);
    const isXml = type !== null && XML_TYPE.test(type);
    if (!isXml && type !== null && !JSON_TYPE.test(type))
      throw new ServiceError(415, `Content-Type ${type}: expected application/json or application/xml`);
    const read: Read<Value> = isXml
      ? readXml(kind, [body], { max_model_bytes: maxBytes })
      : readJson(kind, this.json());
    const found = [...read.problems, ...read.warnings.filter(({ code }) => code !== undefined)];
    if (read.value !== null && found.length === 0) return read.value;
    const problems = found.map((problem) => ({
      code: problem.code ?? null,
      message: documentProblemText(problem),
    }));
    throw refusedWith(problems);
  }

  /** The body as JSON. Throws ServiceError with 400. */
  json(): unknown {
    const written = this.text();
    try {
      return JSON.parse(written);
    } catch (error) {
      const message = (error as Error).message.slice(0, 200).replace(/[\0-\x1f]/g, " ");
      throw new ServiceError(400, `the body is no JSON: ${message}`);
    }
  }

  text(): string {
    try {
      return decoder.decode(this.#input.body);
    } catch {
      throw new ServiceError(400, "the body is not UTF-8; expected text in UTF-8");
    }
  }

  /** A document, in JSON or XML as the client accepts it. */
  give<Value>(kind: WrittenKind<Value>, value: Value, status = 200): ServiceAnswer {
    if (this.wantsXml && kind.roots.length > 0)
      return { status, type: "application/xml", body: writeXml(kind, value) };
    return { status, type: "application/json", body: JSON.stringify(writeJson(kind, value)) };
  }

  /** The same as a file to be saved. */
  export<Value>(kind: WrittenKind<Value>, value: Value, name: string): ServiceAnswer {
    return asFile(this.give(kind, value), `${name}.${this.wantsXml ? "xml" : "json"}`);
  }

  /** XML comes first in what the client accepts. */
  get wantsXml(): boolean {
    const { accept } = this.head;
    if (accept === null) return false;
    const types = accept.split(",").map((part) => part.trim());
    const xml = types.findIndex((type) => XML_TYPE.test(type));
    const others = types.findIndex((type) => JSON_TYPE.test(type));
    return xml >= 0 && (others < 0 || xml < others);
  }
}
