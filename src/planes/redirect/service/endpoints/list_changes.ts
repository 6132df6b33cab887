/** Pending changes of named lists: shown, approved and cancelled, all or one by one. */
import type { ListChange } from "../records/kinds.ts";
import type { Source } from "../approval.ts";
import { listChangeType } from "../editing.ts";
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { listChangesOf } from "../list_editing.ts";
import type { Service } from "../service.ts";

const PERMISSION = "changes";

/** Where they stand: those that were made offline have the original's paths. */
interface Paths {
  readonly get: string;
  readonly approve: string;
  readonly approve_all: string;
  readonly cancel: string;
  readonly cancel_all: string;
}

const ONLINE: Paths = {
  get: "/namespacedListChanges",
  approve: "/namespacedListChanges/approve/{name}/{version}",
  approve_all: "/namespacedListChanges/approveAll/{version}",
  cancel: "/namespacedListChanges/cancel/{name}/{version}",
  cancel_all: "/namespacedListChanges/cancelAll/{version}",
};

const OFFLINE: Paths = {
  get: "/redirectorOffline/getAllNamespacesChanges",
  approve: "/redirectorOffline/approveNamespacesChanges/{name}/{version}",
  approve_all: "/redirectorOffline/approveAllNamespacesChanges/{version}",
  cancel: "/redirectorOffline/cancelNamespacesChanges/{name}/{version}",
  cancel_all: "/redirectorOffline/cancelAllNamespacesChanges/{version}",
};

/** A change of a list holds its values: who may not read the list sees and approves none. */
function mayRead({ who }: Call, name: string): boolean {
  const access = { mode: "read", endpoint: "namespacedLists", entity: name, app: null } as const;
  return who.permissions.allows(access);
}

function endpointsOf(source: Source, paths: Paths, suffix: string): Endpoint[] {
  const version = json("The version of the pending changes of lists.");
  const named = (call: Call) => (change: ListChange) => change.name === call.parameter("name");
  const all = () => (): boolean => true;
  const approving = (
    id: string,
    path: string,
    takes: (call: Call) => (change: ListChange) => boolean,
  ): Endpoint => ({
    id: `${id}${suffix}`,
    method: "POST",
    path,
    summary:
      id === "approveListChange"
        ? "Approves the pending change of one list"
        : "Approves all pending changes of lists",
    permission: PERMISSION,
    query: {
      reason: "Why; stands in the revision and in the audit log.",
      break_glass: "Why somebody approves changes of their own; needs `write-breakGlass`.",
    },
    gives: version,
    handle: (call, service) => approve(call, service, source, takes(call)),
  });
  const cancelling = (
    id: string,
    path: string,
    takes: (call: Call) => (change: ListChange) => boolean,
  ): Endpoint => ({
    id: `${id}${suffix}`,
    method: "POST",
    path,
    summary:
      id === "cancelListChange"
        ? "Takes the pending change of one list back"
        : "Takes all pending changes of lists back",
    permission: PERMISSION,
    gives: version,
    async handle(call, service) {
      const choice = { source, version: call.number("version"), takes: takes(call) };
      const view = await service.lists.cancel(call.act, choice);
      return giveJson({ version: view.changes.value.version });
    },
  });
  return [
    {
      id: `getListChanges${suffix}`,
      method: "GET",
      path: paths.get,
      summary: "Pending changes of named lists, with authors and times",
      permission: PERMISSION,
      gives: json("The changes; `hidden`: how many are of lists that one may not read."),
      async handle(call, service) {
        const { lists, changes } = await service.lists.view();
        const all = listChangesOf(changes.value, source);
        const shown = all.filter(({ name }) => mayRead(call, name));
        return giveJson({
          version: changes.value.version,
          lists_version: lists.value.version,
          hidden: all.length - shown.length,
          changes: shown.map((change) => ({
            ...change,
            type: listChangeType(change),
            before: lists.value.lists.find(({ name }) => name === change.name) ?? null,
          })),
        });
      },
    },
    approving("approveListChange", paths.approve, named),
    approving("approveAllListChanges", paths.approve_all, all),
    cancelling("cancelListChange", paths.cancel, named),
    cancelling("cancelAllListChanges", paths.cancel_all, all),
  ];
}

async function approve(
  call: Call,
  service: Service,
  source: Source,
  takes: (change: ListChange) => boolean,
): Promise<ReturnType<typeof giveJson>> {
  const { breakGlass } = call;
  const takesSeen = (change: ListChange): boolean => {
    if (!takes(change)) return false;
    call.expectPermission("read", "namespacedLists", change.name);
    return true;
  };
  const choice = { source, version: call.number("version"), takes: takesSeen };
  const view = await service.lists.approve(call.act, choice, breakGlass);
  return giveJson({ version: view.changes.value.version, lists_version: view.lists.value.version });
}

export const listChangeEndpoints: readonly Endpoint[] = [
  ...endpointsOf("online", ONLINE, ""),
  ...endpointsOf("offline", OFFLINE, "Offline"),
];
