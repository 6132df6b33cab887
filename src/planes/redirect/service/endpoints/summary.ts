/** An application at a glance: where its clients go, in which shares, and which named lists lead elsewhere. */
import { totalPercent } from "../../../../core/redirect/checks/distribution.ts";
import {
  type Summary,
  summaryDocument,
  type SummaryRow,
} from "../../../../core/redirect/documents/service_answers.ts";
import type { Branch, Destination, Server } from "../../../../core/redirect/model.ts";
import { listsOfRule } from "../../../../core/redirect/rule_problems.ts";
import type { AppView } from "../app_view.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import { activeHosts } from "../stack_paths.ts";

/** All places that a rule may lead to. */
function serversOf({ inner, result }: Branch<Destination>): readonly Server[] {
  const own = result === null ? [] : result.kind === "server" ? [result.server] : result.servers;
  return [...own, ...inner.flatMap(serversOf)];
}

const releaseOf = ({ path, url }: Server): string => path ?? url;

/** Of rules only those that look at one of these lists, by where they lead to. */
function summaryOf({ approved, stacks }: AppView, names: readonly string[]): Summary {
  const { default_server, distribution, rules, whitelist } = approved;
  const row = (release: string, percent: number | null, lists: readonly string[] = []): SummaryRow => ({
    release,
    percent,
    nodes: activeHosts(release, stacks, whitelist),
    lists,
  });
  const listsByRelease = new Map<string, Set<string>>();
  for (const name of names)
    for (const rule of rules) {
      if (!listsOfRule(rule).includes(name)) continue;
      for (const release of serversOf(rule).map(releaseOf))
        listsByRelease.set(release, (listsByRelease.get(release) ?? new Set()).add(name));
    }
  return {
    default_server:
      default_server === null ? null : row(releaseOf(default_server), 100 - totalPercent(distribution)),
    distribution: distribution.map(({ percent, server }) => row(releaseOf(server), percent)),
    rules: [...listsByRelease].map(([release, lists]) => row(release, null, [...lists])),
  };
}

export const summaryEndpoints: readonly Endpoint[] = [
  {
    id: "getSummary",
    method: "GET",
    path: "/summary/{app}/{lists}",
    summary: "Default server, shares, and where rules lead that use these lists (names with commas between)",
    permission: "summary",
    gives: document("The rows."),
    async handle(call, service) {
      const names = call.parameter("lists").split(",");
      return call.give(summaryDocument, summaryOf(await service.view(call.app), names));
    },
  },
];
