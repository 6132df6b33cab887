/** The distribution: shares of the clients, and the default server that takes the rest. */
import type { Server, Share } from "../model.ts";
import { Fields } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import type { Reading } from "./reading.ts";
import { readServer, writeServer } from "./servers.ts";
import { group, listOf, text, type Written } from "./written.ts";

const PERCENT = "RuleDistributionPercentageInvalid";

export interface Distribution {
  readonly shares: readonly Share[];
  /** Null where the document names none: it stands elsewhere, then. */
  readonly default_server: Server | null;
}

export function readDistribution(node: DocumentNode, reading: Reading): Distribution {
  const fields = new Fields(node, reading);
  const shares = fields.all("rule").flatMap((rule, index) => readShare(rule, index, reading) ?? []);
  const server = fields.one("server");
  fields.done();
  return { shares, default_server: server === null ? null : readDefault(server, reading) };
}

function readDefault(node: DocumentNode, reading: Reading): Server | null {
  return reading.part("default server", () => readServer(node, reading));
}

/** `id` is its place in the list. Null where it has a problem. */
export function readShare(node: DocumentNode, index: number, reading: Reading): Share | null {
  return reading.part(`distribution rule ${index}`, () => {
    const fields = new Fields(node, reading);
    fields.whole("id", null);
    const percent = fields.number("percent", null, PERCENT);
    if (percent === null) reading.problem(node, "has no percent; expected a number from 0 to 100", PERCENT);
    else if (percent < 0 || percent > 100)
      reading.problem(node, `has the percent ${percent}; expected a number from 0 to 100`, PERCENT);
    const server = fields.one("server");
    if (server === null) reading.problem(node, "has no server; expected one", "ServerIsMissed");
    fields.done();
    return server === null ? null : { percent: percent ?? 0, server: readServer(server, reading) };
  });
}

export function writeShare({ percent, server }: Share, index: number): Written[] {
  return [text("id", index), text("percent", percent), group("server", writeServer(server))];
}

export function writeDistribution({ shares, default_server }: Distribution): Written[] {
  const rules = shares.map(writeShare);
  const rest = default_server === null ? [] : [group("server", writeServer(default_server))];
  return [...listOf("rule", rules), ...rest];
}

/** `{"rule": […]}`, with a default server behind them in the gateway's files. */
export const distributionDocument: DocumentKind<Distribution> = {
  name: "a distribution",
  roots: ["distribution"],
  read: readDistribution,
  write: writeDistribution,
};

/** `{"distribution": …, "defaultServer": …}`: what the service exports and saves together. */
export const distributionWithDefaultDocument: DocumentKind<Distribution> = {
  name: "a distribution with its default server",
  roots: ["distributionWithDefaultAndFallbackServers"],
  read(node, reading) {
    const fields = new Fields(node, reading);
    const distribution = fields.one("distribution");
    const server = fields.one("defaultServer");
    fields.done();
    const read = distribution === null ? null : readDistribution(distribution, reading);
    return {
      shares: read?.shares ?? [],
      default_server: server === null ? (read?.default_server ?? null) : readDefault(server, reading),
    };
  },
  write: ({ shares, default_server }) => [
    group("distribution", writeDistribution({ shares, default_server: null })),
    ...(default_server === null ? [] : [group("defaultServer", writeServer(default_server))]),
  ],
};
