/** Servers and groups of servers. */
import type { Destination, QueryPair, Server } from "../model.ts";
import { Fields, isWritable, textOf } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import type { Reading } from "./reading.ts";
import type { ResultForm } from "./rules.ts";
import { attribute, group, listed, optionalText, text, type Written } from "./written.ts";

export function readServer(node: DocumentNode, reading: Reading): Server {
  const fields = new Fields(node, reading);
  const url = fields.required("url", "the URL of the server", "ServerUrlMissed");
  if (url === "" && fields.text("url") !== null) reading.problem(node, "has an empty url", "ServerUrlMissed");
  const server: Server = {
    name: fields.text("name") ?? "",
    url,
    path: fields.filled("path"),
    description: fields.filled("description"),
    query: fields.all("query").flatMap((query) => readQuery(query, reading)),
    not_whitelisted: fields.boolean("isNonWhitelisted", false),
    secure_url: fields.filled("secureUrl"),
  };
  fields.done();
  return server;
}

/** `{"entry": [{"key", "value"}]}`, or a plain map. */
function readQuery(node: DocumentNode, reading: Reading): QueryPair[] {
  const pairs: QueryPair[] = [];
  for (const member of node.members()) {
    if (member.text !== null && member.key !== "entry") {
      if (!isWritable(member.key)) reading.problem(member, "has a name with characters that XML cannot hold");
      pairs.push({ key: member.key, value: textOf(member, reading) });
      continue;
    }
    const entry = new Fields(member, reading);
    const key = entry.rawText("key");
    if (key === null) reading.problem(member, "has no key; expected the name of a query parameter");
    else pairs.push({ key, value: entry.rawText("value") ?? "" });
    entry.done();
  }
  return pairs;
}

export function writeServer(server: Server): Written[] {
  const { name, url, path, description, query, not_whitelisted, secure_url } = server;
  return [
    attribute("isNonWhitelisted", String(not_whitelisted)),
    ...(name === "" ? [] : [text("name", name)]),
    text("url", url),
    ...optionalText("secureUrl", secure_url),
    ...optionalText("path", path),
    ...(query.length === 0 ? [] : [group("query", query.map(writePair))]),
    ...optionalText("description", description),
  ];
}

function writePair({ key, value }: QueryPair): Written {
  return listed("entry", [text("key", key), text("value", value)]);
}

export const destinationForm: ResultForm<Destination> = {
  read(node, reading) {
    const fields = new Fields(node, reading);
    const [server, second] = fields.all("server");
    const serverGroup = fields.one("serverGroup");
    fields.done();
    if (second !== undefined || (server !== undefined && serverGroup !== null)) {
      reading.problem(second ?? serverGroup!, "is one too many; expected one server, or one serverGroup");
      return null;
    }
    if (serverGroup !== null) return readGroup(serverGroup, reading);
    if (server !== undefined) return { kind: "server", server: readServer(server, reading) };
    reading.problem(node, "has no server; expected a server or a serverGroup", "ServerIsMissed");
    return null;
  },
  write: (destination) =>
    destination.kind === "server"
      ? [listed("server", writeServer(destination.server))]
      : [listed("serverGroup", writeGroup(destination))],
};

function readGroup(node: DocumentNode, reading: Reading): Destination {
  const fields = new Fields(node, reading);
  const enablePrivate = fields.boolean("enablePrivate", null, "ServerGroupEnablePrivateInvalid");
  if (enablePrivate === null)
    reading.problem(node, "has no enablePrivate; expected true or false", "ServerGroupEnablePrivateMissed");
  const servers = fields.all("server").map((server) => readServer(server, reading));
  if (servers.length === 0) reading.problem(node, "has no server; expected at least one", "ServerIsMissed");
  const countdown = fields.whole("countDownTime", -1, -1, 2_147_483_647, "ServerGroupCountDown");
  fields.done();
  return { kind: "group", servers, enable_private: enablePrivate ?? false, countdown };
}

function writeGroup(destination: Destination & { readonly kind: "group" }): Written[] {
  return [
    attribute("enablePrivate", String(destination.enable_private)),
    attribute("countDownTime", String(destination.countdown)),
    ...destination.servers.map((server) => listed("server", writeServer(server))),
  ];
}

/** One server by itself: the default server of an application. */
export const serverDocument: DocumentKind<Server> = {
  name: "a server",
  roots: ["server"],
  read: (node, reading) => reading.part("server", () => readServer(node, reading)),
  write: writeServer,
};
