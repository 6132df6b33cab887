/** The management service over HTTP, whoever has the sockets: who may not ask is refused before the body is read. */
import type {
  Admission,
  MountedAnswer,
  MountedHead,
  MountedService,
} from "../../../../core/mounted_service.ts";
import { type Authenticator, expectAllowed, type Principal, principal } from "../access/principal.ts";
import { isStorableName } from "../../models/stored.ts";
import { SERVICE_PREFIXES } from "../prefixes.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import type { ServiceAnswer } from "./answer.ts";
import { Call } from "./call.ts";
import { type Endpoint, KNOWN, type Method } from "./endpoint.ts";
import { type RouteMatch, Routes } from "./routes.ts";

const NOBODY = principal("anonymous", []);
const METHODS: readonly Method[] = ["GET", "POST", "PUT", "DELETE"];
/** Requests that take no body may still bring a small one. */
const SMALL_BODY_BYTES = 65_536;
/** Longer names are cut in refusals. */
const LONGEST_TOLD = 200;

export class ServiceApi implements MountedService {
  readonly prefixes = SERVICE_PREFIXES;
  readonly #service: Service;
  readonly #authenticator: () => Authenticator;
  readonly #routes: Routes;

  constructor(service: Service, authenticator: () => Authenticator, endpoints: readonly Endpoint[]) {
    this.#service = service;
    this.#authenticator = authenticator;
    this.#routes = new Routes(endpoints);
  }

  async admit(head: MountedHead): Promise<Admission> {
    try {
      const { match, who } = await this.#admitted(head);
      const { max_model_bytes: most } = this.#service.facts;
      return {
        max_bytes: match.endpoint.takes === undefined ? SMALL_BODY_BYTES : most,
        handle: (body) => this.#handle(match, who, head, body),
      };
    } catch (error) {
      return { answer: this.#refusal(error) };
    }
  }

  async #admitted(head: MountedHead): Promise<{ readonly match: RouteMatch; readonly who: Principal }> {
    const method = (head.method === "HEAD" ? "GET" : head.method) as Method;
    const path = belowPrefix(head.path);
    const found = METHODS.includes(method) ? this.#routes.at(method, path) : null;
    const isFound = found !== null && "endpoint" in found;
    if (isFound && found.endpoint.permission === null) return { match: found, who: NOBODY };
    // Whoever may not ask at all is not told what there is.
    const who = await this.#authenticator().authenticate({
      authorization: head.authorization,
      cookies: head.cookies,
      is_operator: head.is_operator,
      address: head.client_address,
    });
    if (found === null) throw new ServiceError(404, `nothing stands at ${JSON.stringify(path)}`);
    if (!isFound) throw methodRefused(found as readonly Method[]);
    expectPermitted(found.endpoint, found.parameters, who);
    const { app } = found.parameters;
    if (app !== undefined && !isStorableName(app))
      throw new ServiceError(404, `Application not found: ${app.slice(0, LONGEST_TOLD)}`);
    return { match: found, who };
  }

  async #handle(
    { endpoint, parameters }: RouteMatch,
    who: Principal,
    head: MountedHead,
    body: Uint8Array,
  ): Promise<MountedAnswer> {
    try {
      const call = new Call({ parameters, head, body, who, max_bytes: this.#service.facts.max_model_bytes });
      return await endpoint.handle(call, this.#service);
    } catch (error) {
      return this.#refusal(error);
    }
  }

  #refusal(error: unknown): ServiceAnswer {
    if (error instanceof ServiceError) return problemAnswer(error);
    this.#service.failed(error);
    return problemAnswer(new ServiceError(500, "this is a defect; the log says more"));
  }
}

/** With the slash that stands before it. */
function belowPrefix(path: string): string {
  const prefix = SERVICE_PREFIXES.find((each) => path.startsWith(each))!;
  return path.slice(prefix.length - 1);
}

function methodRefused(methods: readonly Method[]): ServiceError {
  const allow = methods.join(", ");
  return new ServiceError(405, `expected ${allow}`, { fields: `Allow: ${allow}\r\n` });
}

function expectPermitted(
  { permission, method, mode, entity }: Endpoint,
  parameters: Readonly<Record<string, string>>,
  who: Principal,
): void {
  if (permission === null || permission === KNOWN) return;
  expectAllowed(who, {
    mode: mode ?? (method === "GET" ? "read" : "write"),
    endpoint: permission,
    entity: entity === undefined ? null : parameters[entity]!,
    app: parameters["app"] ?? null,
  });
}

/** The original answers in words; the codes stand in a field beside them. */
function problemAnswer({ status, message, code, fields }: ServiceError): ServiceAnswer {
  const codeLine = code === null ? "" : `X-Fairlead-Code: ${code}\r\n`;
  return { status, type: "text/plain", body: `${message}\n`, fields: `${codeLine}${fields}` };
}
