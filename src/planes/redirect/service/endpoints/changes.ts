/** Pending changes: shown, compared, approved and cancelled; those that were made offline in the same way under a path of their own. */
import type { EntityKind } from "../../../../core/redirect/changes/entities.ts";
import { type Change, changeType, nextModel, outdated } from "../../../../core/redirect/changes/pending.ts";
import { distributionDocument } from "../../../../core/redirect/documents/distribution.ts";
import type { DocumentKind } from "../../../../core/redirect/documents/kind.ts";
import {
  pendingChangesDocument,
  pendingDocument,
} from "../../../../core/redirect/documents/pending_changes.ts";
import { ruleDocument, urlRuleDocument } from "../../../../core/redirect/documents/rule_documents.ts";
import { serverDocument } from "../../../../core/redirect/documents/servers.ts";
import { defaultUrlDocument } from "../../../../core/redirect/documents/url_params.ts";
import { whitelistDocument } from "../../../../core/redirect/documents/whitelist.ts";
import { type ApprovalWish, type Choice, pendingOf, type Source } from "../approval.ts";
import { type AppView } from "../app_view.ts";
import { giveJson, giveText } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, json, text } from "../http/endpoint.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";

const PERMISSION = "changes";

/** Kinds as the original's paths name them, one by one. */
const TYPES: Readonly<Record<string, EntityKind>> = {
  rule: "rule",
  templateRule: "rule_template",
  urlRule: "url_rule",
  templateUrlRule: "url_rule_template",
  urlParams: "default_url",
  server: "default_server",
  rollout: "rollout" as EntityKind,
};

const EXPORTED: Partial<Record<EntityKind, DocumentKind<never>>> = {
  rule: ruleDocument() as DocumentKind<never>,
  rule_template: ruleDocument() as DocumentKind<never>,
  url_rule: urlRuleDocument() as DocumentKind<never>,
  url_rule_template: urlRuleDocument() as DocumentKind<never>,
  default_url: defaultUrlDocument as DocumentKind<never>,
  default_server: serverDocument as DocumentKind<never>,
};

const BREAK_GLASS = {
  reason: "Why; stands in the revision and in the audit log.",
  break_glass: "Why somebody approves changes of their own; needs `write-breakGlass`.",
};

function kindIn(call: Call): EntityKind {
  const type = call.parameter("type");
  const kind = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (kind === undefined)
    throw new ServiceError(400, `${JSON.stringify(type)}: expected one of ${Object.keys(TYPES).join(", ")}`);
  return kind;
}

/** Changes of one entity. */
const ofEntity =
  (kind: EntityKind, id: string) =>
  (change: Change): boolean =>
    change.kind === kind && change.id === id;

/** The default server goes with the distribution, whose rest it takes. */
const ofDistribution = ({ kind }: Change): boolean => kind === "distribution" || kind === "default_server";
const ofWhitelist = ({ kind }: Change): boolean => kind === "whitelist";
const all = (): boolean => true;

function wishOf(call: Call, source: Source, takes: Choice["takes"], isValidated: boolean): ApprovalWish {
  return {
    source,
    version: call.number("version"),
    takes,
    is_validated: isValidated,
    break_glass: call.breakGlass,
  };
}

async function approve(
  call: Call,
  service: Service,
  source: Source,
  takes: Choice["takes"],
  isValidated = true,
): Promise<ReturnType<typeof giveJson>> {
  const wish = wishOf(call, source, takes, isValidated);
  const { version } = await service.approval.approve(call.app, call.act, wish);
  return giveJson({ version });
}

async function cancel(
  call: Call,
  service: Service,
  source: Source,
  takes: Choice["takes"],
): Promise<ReturnType<typeof giveJson>> {
  const choice = { source, version: call.number("version"), takes };
  const { version } = await service.approval.cancel(call.app, call.act, choice);
  return giveJson({ version });
}

/** Changes in our own form: with authors, times, and what has been approved otherwise meanwhile. */
function ownForm({ pending, approved, stored }: AppView, source: Source): object {
  const changes = pendingOf(pending.value, source);
  const old = new Set(outdated(approved, changes));
  return {
    version: pending.value.version,
    model_version: stored.value.version,
    has_offline_changes: pending.value.offline !== null,
    changes: changes.map((change) => ({
      ...change,
      type: changeType(change),
      is_outdated: old.has(change),
    })),
  };
}

/** Where one of the two kinds of pending changes stands. */
interface Place {
  readonly source: Source;
  readonly base: string;
  /** In summaries. */
  readonly what: string;
  /** In ids of endpoints. */
  readonly suffix: string;
}

const ONLINE: Place = { source: "online", base: "/changes", what: "pending changes", suffix: "" };
const OFFLINE: Place = {
  source: "offline",
  base: "/coreBackupChanges",
  what: "pending changes that were made offline",
  suffix: "Offline",
};

const shownBy =
  ({ source }: Place) =>
  ({ pending }: AppView) =>
    pendingDocument(pending.value.version, pendingOf(pending.value, source));

const nextBy =
  ({ source }: Place) =>
  (view: AppView) =>
    nextModel(view.approved, pendingOf(view.pending.value, source));

function showingEndpoints(place: Place): Endpoint[] {
  const { source, base, what, suffix } = place;
  const [shown, nextOf] = [shownBy(place), nextBy(place)];
  const id = (name: string): string => `${name}${suffix}`;
  return [
    {
      id: id("getChanges"),
      method: "GET",
      path: `${base}/{app}`,
      summary: `All ${what}, with what they are about as it is and as it shall be`,
      permission: PERMISSION,
      gives: document("The changes by kind and name."),
      query: { form: "`own`: with authors, times and what is outdated, as JSON." },
      async handle(call, service) {
        const view = await service.view(call.app);
        if (call.query.get("form") === "own") return giveJson(ownForm(view, source));
        return call.give(pendingChangesDocument, shown(view));
      },
    },
    {
      id: id("getNewIds"),
      method: "GET",
      path: `${base}/{app}/newRuleIds/{type}`,
      summary: `Names of what is new in ${what}`,
      permission: PERMISSION,
      gives: json("A list of names."),
      async handle(call, service) {
        const kind = kindIn(call);
        const { pending } = await service.view(call.app);
        const changes = pendingOf(pending.value, source);
        const added = changes.filter((change) => change.kind === kind && changeType(change) === "ADD");
        return giveJson(added.map((change) => change.id));
      },
    },
    {
      id: id("previewDistribution"),
      method: "GET",
      path: `${base}/{app}/preview/distribution`,
      summary: "The distribution as it shall be",
      permission: PERMISSION,
      gives: document("The shares."),
      async handle(call, service) {
        const { distribution } = nextOf(await service.view(call.app));
        return call.give(distributionDocument, { shares: distribution, default_server: null });
      },
    },
    {
      id: id("previewWhitelist"),
      method: "GET",
      path: `${base}/{app}/preview/stackmanagement`,
      summary: "The whitelist as it shall be",
      permission: PERMISSION,
      gives: document("Paths of stacks."),
      async handle(call, service) {
        return call.give(whitelistDocument, nextOf(await service.view(call.app)).whitelist);
      },
    },
    {
      id: id("validateWhitelistChanges"),
      method: "POST",
      path: `${base}/{app}/stackmanagement/validate/{version}`,
      summary: "Whether the model could redirect with the pending whitelist",
      permission: PERMISSION,
      mode: "read",
      gives: text("`SUCCESS`; 400 with the reason."),
      async handle(call, service) {
        const choice = { source, version: call.number("version"), takes: ofWhitelist };
        await service.approval.validate(call.app, choice);
        return giveText("SUCCESS");
      },
    },
  ];
}

function exportingEndpoints(place: Place): Endpoint[] {
  const { source, base, what, suffix } = place;
  const [shown, nextOf] = [shownBy(place), nextBy(place)];
  const id = (name: string): string => `${name}${suffix}`;
  return [
    {
      id: id("exportChanges"),
      method: "GET",
      path: `${base}/{app}/export`,
      summary: `All ${what} as a file`,
      permission: PERMISSION,
      gives: document("The file."),
      async handle(call, service) {
        const view = await service.view(call.app);
        return call.export(
          pendingChangesDocument,
          shown(view),
          `exportedPendingChanges-forService-${call.app}`,
        );
      },
    },
    {
      id: id("exportChange"),
      method: "GET",
      path: `${base}/{app}/export/{type}/{id}`,
      summary: `What one of the ${what} is about, as it shall be, as a file`,
      permission: PERMISSION,
      gives: document("The file."),
      async handle(call, service) {
        const [kind, name] = [kindIn(call), call.parameter("id")];
        const { pending } = await service.view(call.app);
        const change = pendingOf(pending.value, source).find(ofEntity(kind, name));
        const form = EXPORTED[kind];
        if (change === undefined || form === undefined || change.after === null)
          throw new ServiceError(404, `${call.app}: there is no pending ${call.parameter("type")} ${name}`);
        const file = `exportedPending${kind}-byId-${name}-forService-${call.app}`;
        return call.export(form, change.after as never, file);
      },
    },
    {
      id: id("exportNextDistribution"),
      method: "GET",
      path: `${base}/{app}/export/distributions`,
      summary: "The distribution as it shall be, as a file",
      permission: PERMISSION,
      gives: document("The file."),
      async handle(call, service) {
        const { distribution } = nextOf(await service.view(call.app));
        const value = { shares: distribution, default_server: null };
        return call.export(distributionDocument, value, `exportedPendingDistribution-forService-${call.app}`);
      },
    },
    {
      id: id("exportNextWhitelist"),
      method: "GET",
      path: `${base}/{app}/export/stackmanagement`,
      summary: "The whitelist as it shall be, as a file",
      permission: PERMISSION,
      gives: document("The file."),
      async handle(call, service) {
        const { whitelist } = nextOf(await service.view(call.app));
        return call.export(whitelistDocument, whitelist, `exportedPendingWhitelist-forService-${call.app}`);
      },
    },
  ];
}

/** Approval and cancelling of one entity, of a part, and of all. */
function decidingEndpoints({ source, base, suffix }: Place): Endpoint[] {
  const id = (name: string): string => `${name}${suffix}`;
  const parts = [
    { name: "Distribution", path: "distribution", takes: ofDistribution, validated: true },
    { name: "Whitelist", path: "stackmanagement", takes: ofWhitelist, validated: false },
  ];
  const approved = json("The version of the model.");
  const cancelled = json("The version of the pending changes.");
  return [
    {
      id: id("approveChange"),
      method: "POST",
      path: `${base}/{app}/{type}/{id}/{version}`,
      summary: "Approves the pending change of one entity",
      permission: PERMISSION,
      query: BREAK_GLASS,
      gives: approved,
      handle: (call, service) => approve(call, service, source, ofEntity(kindIn(call), call.parameter("id"))),
    },
    {
      id: id("cancelChange"),
      method: "DELETE",
      path: `${base}/{app}/{type}/{id}/{version}`,
      summary: "Takes the pending change of one entity back",
      permission: PERMISSION,
      gives: cancelled,
      handle: (call, service) => cancel(call, service, source, ofEntity(kindIn(call), call.parameter("id"))),
    },
    ...parts.flatMap(({ name, path, takes, validated }): Endpoint[] => [
      {
        id: id(`approve${name}`),
        method: "POST",
        path: `${base}/{app}/${path}/{version}`,
        summary: `Approves the pending ${name.toLowerCase()}`,
        permission: PERMISSION,
        query: BREAK_GLASS,
        gives: approved,
        handle: (call, service) => approve(call, service, source, takes, validated),
      },
      {
        id: id(`cancel${name}`),
        method: "DELETE",
        path: `${base}/{app}/${path}/{version}`,
        summary: `Takes the pending ${name.toLowerCase()} back`,
        permission: PERMISSION,
        gives: cancelled,
        handle: (call, service) => cancel(call, service, source, takes),
      },
    ]),
    {
      id: id("approveAll"),
      method: "POST",
      path: `${base}/{app}/approve/{version}`,
      summary: "Approves all pending changes; refused where the model could not redirect",
      permission: PERMISSION,
      query: BREAK_GLASS,
      gives: approved,
      handle: (call, service) => approve(call, service, source, all),
    },
    {
      id: id("approveAllWithoutValidation"),
      method: "POST",
      path: `${base}/{app}/approveWithoutValidation/{version}`,
      summary:
        "Approves all pending changes whatever the model can do; needs `write-approveWithoutValidation`",
      permission: PERMISSION,
      query: BREAK_GLASS,
      gives: approved,
      handle(call, service) {
        call.expectPermission("write", "approveWithoutValidation");
        return approve(call, service, source, all, false);
      },
    },
    {
      id: id("cancelAll"),
      method: "POST",
      path: `${base}/{app}/cancel/{version}`,
      summary: "Takes all pending changes back",
      permission: PERMISSION,
      gives: cancelled,
      handle: (call, service) => cancel(call, service, source, all),
    },
  ];
}

export const changeEndpoints: readonly Endpoint[] = [ONLINE, OFFLINE].flatMap((place) => [
  ...showingEndpoints(place),
  ...exportingEndpoints(place),
  ...decidingEndpoints(place),
]);
