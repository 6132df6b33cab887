/** The answer to `GET /version`, with the fields of the original, as JSON or XML. */
import { text } from "../../../core/redirect/documents/written.ts";
import { VERSION } from "../../../core/version.ts";
import { xmlText } from "../documents/xml_writer.ts";

export interface VersionPage {
  readonly content_type: string;
  readonly text: string;
}

/** What is not known is an empty text. */
export type VersionFacts = Readonly<Record<(typeof FIELDS)[number], string>>;

const FIELDS = [
  "projectName",
  "projectVersion",
  "serviceName",
  "serviceVersion",
  "source",
  "rev",
  "gitBranch",
  "gitBuildTime",
  "gitCommitId",
  "gitCommitTime",
] as const;

/** `serviceName`: which of the programs of the original this one stands for. */
export function versionFacts(serviceName: string): VersionFacts {
  const unknown = Object.fromEntries(FIELDS.map((name) => [name, ""])) as VersionFacts;
  return {
    ...unknown,
    projectName: "fairlead",
    projectVersion: VERSION,
    serviceName,
    serviceVersion: VERSION,
  };
}

/** XML for clients that want it rather than JSON; `accept` as they say it, null = anything. */
export function versionPage(facts: VersionFacts, accept: string | null): VersionPage {
  if (!prefersXml(accept)) return { content_type: "application/json", text: `${JSON.stringify(facts)}\n` };
  const members = FIELDS.map((name) => text(name, facts[name]));
  return { content_type: "application/xml", text: xmlText("version", members) };
}

/** RFC 9110 12.5.1; of equal weights JSON is given. */
function prefersXml(accept: string | null): boolean {
  if (accept === null) return false;
  const ranges = accept.split(",").map(mediaRange);
  const weightOf = (...types: readonly string[]): number => {
    for (const type of [...types, "application/*", "*/*"]) {
      const found = ranges.find((range) => range.type === type);
      if (found !== undefined) return found.weight;
    }
    return 0;
  };
  return weightOf("application/xml", "text/xml") > weightOf("application/json");
}

function mediaRange(range: string): { readonly type: string; readonly weight: number } {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
}
