/**
 * What one endpoint of the management service is. The table of endpoints is the service's interface: routing, permissions and the
 * OpenAPI document are made of it.
 */
import type { AccessMode } from "../../../../core/redirect/access/permissions.ts";
import type { Service } from "../service.ts";
import type { ServiceAnswer } from "./answer.ts";
import type { Call } from "./call.ts";

/** As a permission: whoever is known has it. */
export const KNOWN = "known";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What bodies look like, for the OpenAPI document: a name of `http/bodies.ts`. */
export interface BodyForm {
  readonly description: string;
  readonly types: readonly string[];
}

export interface Endpoint {
  /** In the OpenAPI document, unique: `getRules`. */
  readonly id: string;
  readonly method: Method;
  /** Below the base, such as `/rules/{app}/{id}`; a name in braces stands for one segment, which is decoded. */
  readonly path: string;
  readonly summary: string;
  /** What it is called in permissions; `KNOWN` = whoever is known may ask; null = anybody may, without credentials. */
  readonly permission: string | null;
  /** Where the method does not say it: a POST that changes nothing is `read`. */
  readonly mode?: AccessMode;
  /** Name of the parameter whose entity has permissions of its own. */
  readonly entity?: string;
  readonly takes?: BodyForm;
  readonly gives: BodyForm;
  /** Queries that it looks at, with what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  /** Of a success; 200 where nothing is said. */
  readonly status?: number;
  /** Rejects with ServiceError for what cannot be done. */
  handle(call: Call, service: Service): ServiceAnswer | Promise<ServiceAnswer>;
}

const JSON_AND_XML = ["application/json", "application/xml"] as const;

/** A document of the original, in both of its formats. */
export const document = (description: string): BodyForm => ({ description, types: JSON_AND_XML });
export const json = (description: string): BodyForm => ({ description, types: ["application/json"] });
export const text = (description: string): BodyForm => ({ description, types: ["text/plain"] });
export const zip = (description: string): BodyForm => ({ description, types: ["application/zip"] });
