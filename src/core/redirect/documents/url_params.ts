/** Parts of URLs: what URL rules give, and what holds where none does. */
import type { UrlParams } from "../model.ts";
import { Fields } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import type { Reading } from "./reading.ts";
import type { ResultForm } from "./rules.ts";
import { group, listed, optionalText, text, type Written } from "./written.ts";

/** Blank texts and 0 are parts that are not said. */
function readUrlParams(node: DocumentNode, reading: Reading): UrlParams {
  const fields = new Fields(node, reading);
  const urn = fields.filled("urn");
  const protocol = fields.filled("protocol");
  const port = fields.whole("port", 0, 0, 65_535);
  const version = fields.whole("ipProtocolVersion", 0, 0, 6);
  const isVersion = version === 0 || version === 4 || version === 6;
  if (!isVersion) reading.problem(node, `has the ipProtocolVersion ${version}; expected 4 or 6`);
  fields.done();
  return { urn, protocol, port: port || null, ip_version: isVersion ? version || null : null };
}

/** As `readUrlParams`, with numbers as they stand: whoever saves them is told by the checks what is wrong with them. */
function readSavedParams(node: DocumentNode, reading: Reading): UrlParams {
  const fields = new Fields(node, reading);
  const params = {
    urn: fields.filled("urn"),
    protocol: fields.filled("protocol"),
    port: fields.whole("port", null),
    ip_version: fields.whole("ipProtocolVersion", null) as UrlParams["ip_version"],
  };
  fields.done();
  return params;
}

/** Numbers are texts in the original. */
function writeUrlParams({ urn, protocol, port, ip_version }: UrlParams): Written[] {
  return [
    ...optionalText("urn", urn),
    ...optionalText("protocol", protocol),
    ...(port === null ? [] : [text("port", String(port))]),
    ...(ip_version === null ? [] : [text("ipProtocolVersion", String(ip_version))]),
  ];
}

export const urlParamsForm = formOf(readUrlParams);
/** Of what somebody saves. */
export const savedUrlParamsForm = formOf(readSavedParams);

function formOf(readParams: typeof readUrlParams): ResultForm<UrlParams> {
  return {
    read(node, reading) {
      const fields = new Fields(node, reading);
      const params = fields.one("urlRule");
      fields.done();
      if (params !== null) return readParams(params, reading);
      const message = "has no urlRule; expected one with urn, protocol, port or ipProtocolVersion";
      reading.problem(node, message, "AllReturnURLParamsMissed");
      return null;
    },
    write: (params) => [listed("urlRule", writeUrlParams(params))],
  };
}

/** What stands in `default`. Null where a problem was found. */
export function readDefaultUrl(node: DocumentNode, reading: Reading): UrlParams | null {
  return reading.part("default URL parameters", () => urlParamsForm.read(node, reading));
}

export function writeDefaultUrl(params: UrlParams): Written[] {
  return [group("urlRule", writeUrlParams(params))];
}

/** The default URL parameters of an application by themselves. */
export const defaultUrlDocument: DocumentKind<UrlParams> = {
  name: "default URL parameters",
  roots: ["default"],
  read: readDefaultUrl,
  write: writeDefaultUrl,
};

/** The same as somebody saves them, with numbers that only the checks judge. */
export const savedDefaultUrlDocument: DocumentKind<UrlParams> = {
  ...defaultUrlDocument,
  read: (node, reading) =>
    reading.part("default URL parameters", () => savedUrlParamsForm.read(node, reading)),
};
