/** The default server, and the distribution of those whom no rule takes. */
import { ONLY_ID } from "../../../../core/redirect/changes/entities.ts";
import type { Edit } from "../../../../core/redirect/changes/pending.ts";
import { distributionProblems } from "../../../../core/redirect/checks/distribution.ts";
import { defaultServerProblems } from "../../../../core/redirect/checks/servers.ts";
import {
  type Distribution,
  distributionDocument,
  distributionWithDefaultDocument,
} from "../../../../core/redirect/documents/distribution.ts";
import { serverDocument } from "../../../../core/redirect/documents/servers.ts";
import type { RedirectModel, Server, Share } from "../../../../core/redirect/model.ts";
import { checkFactsOf, type AppView } from "../app_view.ts";
import { expectVersion, MODEL_VERSION_QUERY } from "../current_version.ts";
import type { Wish } from "../editing.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import { ServiceError } from "../service_error.ts";
import { giveSaved } from "./saved.ts";

function defaultServer({ default_server }: RedirectModel, app: string): Server {
  if (default_server === null) throw new ServiceError(404, `${app} has no default server`);
  return default_server;
}

const serverEdit = (value: Server): Edit => ({ kind: "default_server", id: ONLY_ID, value });
const sharesEdit = (shares: readonly Share[]): Edit => ({
  kind: "distribution",
  id: ONLY_ID,
  value: shares.length === 0 ? null : shares,
});

const alone = ({ distribution }: RedirectModel): Distribution => ({
  shares: distribution,
  default_server: null,
});
const withDefault = ({ distribution, default_server }: RedirectModel): Distribution => ({
  shares: distribution,
  default_server,
});

/** What is wrong with a default server and shares that are saved together. */
function togetherWish(view: AppView, { shares, default_server: server }: Distribution): Wish {
  const facts = checkFactsOf(view);
  // Each of them is checked beside the other as it shall be.
  const next = { ...facts.next, distribution: shares };
  return {
    edits: [sharesEdit(shares), ...(server === null ? [] : [serverEdit(server)])],
    problems: [
      ...distributionProblems(shares, facts, server ?? facts.next.default_server),
      ...(server === null ? [] : defaultServerProblems(server, { ...facts, next })),
    ],
  };
}

export const serverEndpoints: readonly Endpoint[] = [
  {
    id: "getDefaultServer",
    method: "GET",
    path: "/servers/{app}/default",
    summary: "The approved default server",
    permission: "servers",
    query: MODEL_VERSION_QUERY,
    gives: document("The server."),
    async handle(call, service) {
      const view = await service.view(call.app);
      expectVersion(call, view);
      return call.give(serverDocument, defaultServer(view.approved, call.app));
    },
  },
  {
    id: "saveDefaultServer",
    method: "POST",
    path: "/servers/{app}/default",
    summary: "Saves the default server as a pending change",
    permission: "servers",
    takes: document("The server."),
    gives: document("The server as it was saved."),
    status: 201,
    async handle(call, service) {
      const server = call.document(serverDocument);
      const saved = await service.editing.save(call.app, call.act, (view) => ({
        edits: [serverEdit(server)],
        problems: defaultServerProblems(server, checkFactsOf(view)),
      }));
      return giveSaved(call.give(serverDocument, server, 201), saved);
    },
  },
  {
    id: "exportDefaultServer",
    method: "GET",
    path: "/servers/export/{app}/default",
    summary: "The approved default server as a file",
    permission: "servers",
    gives: document("The file."),
    async handle(call, service) {
      const { approved } = await service.view(call.app);
      const server = defaultServer(approved, call.app);
      return call.export(serverDocument, server, `exportedServer-byId-default-forService-${call.app}`);
    },
  },
  {
    id: "getDistribution",
    method: "GET",
    path: "/distributions/{app}",
    summary: "The approved distribution",
    permission: "distributions",
    query: MODEL_VERSION_QUERY,
    gives: document("The shares."),
    async handle(call, service) {
      const view = await service.view(call.app);
      expectVersion(call, view);
      return call.give(distributionDocument, alone(view.approved));
    },
  },
  {
    id: "saveDistribution",
    method: "POST",
    path: "/distributions/{app}",
    summary: "Saves the whole distribution as a pending change",
    permission: "distributions",
    takes: document("The shares."),
    gives: document("The shares as they were saved."),
    status: 201,
    async handle(call, service) {
      const { shares } = call.document(distributionDocument);
      const saved = await service.editing.save(call.app, call.act, (view) => ({
        edits: [sharesEdit(shares)],
        problems: distributionProblems(shares, checkFactsOf(view)),
      }));
      return giveSaved(call.give(distributionDocument, { shares, default_server: null }, 201), saved);
    },
  },
  {
    id: "exportDistribution",
    method: "GET",
    path: "/distributions/export/{app}",
    summary: "The approved distribution as a file",
    permission: "distributions",
    gives: document("The file."),
    async handle(call, service) {
      const { approved } = await service.view(call.app);
      return call.export(
        distributionDocument,
        alone(approved),
        `exportedDistribution-forService-${call.app}`,
      );
    },
  },
  {
    id: "exportDistributionWithDefault",
    method: "GET",
    path: "/export/distribuionswithdefault/{app}",
    summary: "The approved distribution with the default server, as a file",
    permission: "distributions",
    gives: document("The file."),
    async handle(call, service) {
      const { approved } = await service.view(call.app);
      const name = `exportedDistributionWithDefault-forService-${call.app}`;
      return call.export(distributionWithDefaultDocument, withDefault(approved), name);
    },
  },
  {
    id: "saveDistributionWithDefault",
    method: "POST",
    path: "/export/distribuionswithdefault/save/{app}",
    summary: "Saves distribution and default server together as pending changes",
    permission: "distributions",
    takes: document("The shares and the server."),
    gives: document("What was saved."),
    status: 201,
    async handle(call, service) {
      call.expectPermission("write", "servers");
      const both = call.document(distributionWithDefaultDocument);
      const saved = await service.editing.save(call.app, call.act, (view) => togetherWish(view, both));
      return giveSaved(call.give(distributionWithDefaultDocument, both, 201), saved);
    },
  },
];
