/** A file with many entities: a line of JSON for each. */
import {
  ENTITY_KINDS,
  entityOf,
  type EntityKind,
  ONLY_ID,
} from "../../../../core/redirect/changes/entities.ts";
import { distributionDocument } from "../../../../core/redirect/documents/distribution.ts";
import { readJson, type DocumentKind, writeJson } from "../../../../core/redirect/documents/kind.ts";
import { namedListDocument } from "../../../../core/redirect/documents/named_lists.ts";
import { documentProblemText } from "../../../../core/redirect/documents/reading.ts";
import { ruleDocument, urlRuleDocument } from "../../../../core/redirect/documents/rule_documents.ts";
import { serverDocument } from "../../../../core/redirect/documents/servers.ts";
import { defaultUrlDocument } from "../../../../core/redirect/documents/url_params.ts";
import { isObject } from "../../../../core/schema/is_object.ts";
import type { NamedList, RedirectModel, Share } from "../../../../core/redirect/model.ts";
import { ServiceError, type ServiceProblem } from "../service_error.ts";

export type BulkEntry =
  | { readonly place: string; readonly kind: EntityKind; readonly id: string; readonly value: unknown }
  | { readonly place: string; readonly list: string; readonly value: NamedList | null };

const MOST_TOLD = 50;

/** Throws ServiceError with 400 that has all lines that cannot be read. */
export function readBulk(text: string): BulkEntry[] {
  const entries: BulkEntry[] = [];
  const problems: ServiceProblem[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const place = `line ${index + 1}`;
    try {
      entries.push(entryIn(line, place));
    } catch (error) {
      if (!(error instanceof LineProblem)) throw error;
      problems.push({ code: null, message: `${place}: ${error.message}` });
    }
  }
  if (problems.length === 0 && entries.length > 0) return entries;
  if (problems.length === 0)
    throw new ServiceError(400, "the body has no lines; expected one for each entity");
  const told = problems.slice(0, MOST_TOLD).map(({ message }) => message);
  const rest = problems.length - told.length;
  if (rest > 0) told.push(`${rest} more lines are wrong`);
  throw new ServiceError(400, told.join("\n"), { problems });
}

/** All entities of a model as lines that can be sent back. */
export function bulkFile(model: RedirectModel): string {
  const lines: unknown[] = ENTITY_KINDS.flatMap((kind) => {
    const form = Object.hasOwn(KEYED, kind) ? KEYED[kind] : undefined;
    if (form === undefined) return [];
    const { ids, index } = entityOf(kind);
    const valueOf = index(model);
    return ids(model).map((id) => ({ [kind]: writeJson(form, valueOf(id)) }));
  });
  if (model.distribution.length > 0)
    lines.push({
      distribution: writeJson(distributionDocument, { shares: model.distribution, default_server: null }),
    });
  lines.push(...model.whitelist.map((whitelist) => ({ whitelist })));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

class LineProblem extends Error {}

const KEYED: Readonly<Record<string, DocumentKind<unknown>>> = {
  rule: ruleDocument() as DocumentKind<unknown>,
  rule_template: ruleDocument() as DocumentKind<unknown>,
  url_rule: urlRuleDocument() as DocumentKind<unknown>,
  url_rule_template: urlRuleDocument() as DocumentKind<unknown>,
  default_server: serverDocument as DocumentKind<unknown>,
  default_url: defaultUrlDocument as DocumentKind<unknown>,
};
/** Of which a model has one. */
const ONLY_KINDS: readonly EntityKind[] = ["default_server", "default_url", "distribution"];
const EXPECTED = 'expected one of "rule", "url_rule", "list", "whitelist", … as the only key';

function entryIn(line: string, place: string): BulkEntry {
  const value = parsed(line);
  const [key = "", more] = Object.keys(value);
  if (more !== undefined || key === "") throw new LineProblem(EXPECTED);
  const given = value[key];
  if (key === "delete") return deletion(given, place);
  if (key === "list") {
    const list = read(namedListDocument(), given);
    return { place, list: list.name, value: list };
  }
  if (key === "whitelist") return whitelistEntry(given, place);
  if (key === "distribution") {
    const { shares } = read(distributionDocument, given);
    return { place, kind: "distribution", id: ONLY_ID, value: emptyAsNull(shares) };
  }
  const form = Object.hasOwn(KEYED, key) ? KEYED[key] : undefined;
  if (form === undefined) throw new LineProblem(EXPECTED);
  const entity = read(form, given);
  const id = key.startsWith("default") ? ONLY_ID : (entity as { readonly id: string }).id;
  return { place, kind: key as EntityKind, id, value: entity };
}

const emptyAsNull = (shares: readonly Share[]): readonly Share[] | null =>
  shares.length === 0 ? null : shares;

function parsed(line: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new LineProblem("is no JSON; expected one object");
  }
  if (!isObject(value)) throw new LineProblem("is no object; expected one entity");
  return value;
}

function whitelistEntry(given: unknown, place: string): BulkEntry {
  if (typeof given !== "string") throw new LineProblem("whitelist: expected the path of a stack");
  return { place, kind: "whitelist", id: given.trim(), value: true };
}

function deletion(given: unknown, place: string): BulkEntry {
  const [key = "", more] = isObject(given) ? Object.keys(given) : [];
  const id = isObject(given) ? given[key] : undefined;
  if (more !== undefined || typeof id !== "string")
    throw new LineProblem('delete: expected a kind and a name, such as {"rule": "beta"}');
  if (key === "list") return { place, list: id, value: null };
  const kind = ENTITY_KINDS.find((each) => each === key);
  if (kind === undefined) throw new LineProblem(`delete: expected list or one of ${ENTITY_KINDS.join(", ")}`);
  if (ONLY_KINDS.includes(kind) && id !== ONLY_ID)
    throw new LineProblem(`delete: ${kind} has the name ${JSON.stringify(id)}; expected ${ONLY_ID}`);
  return { place, kind, id, value: null };
}

function read<Value>(kind: DocumentKind<Value>, given: unknown): Value {
  const { value, problems } = readJson(kind, given);
  if (value !== null && problems.length === 0) return value;
  throw new LineProblem(problems.map(documentProblemText).join("; "));
}
