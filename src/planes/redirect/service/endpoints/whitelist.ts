/** The whitelist: which stacks take everybody's traffic, and since when. */
import type { Edit } from "../../../../core/redirect/changes/pending.ts";
import { whitelistProblems } from "../../../../core/redirect/checks/whitelist.ts";
import {
  savedWhitelistDocument,
  whitelistDocument,
  type WhitelistUpdate,
  whitelistUpdatesDocument,
} from "../../../../core/redirect/documents/whitelist.ts";
import { type AppView, checkFactsOf } from "../app_view.ts";
import { expectVersion, MODEL_VERSION_QUERY } from "../current_version.ts";
import type { Wish } from "../editing.ts";
import { giveText } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, text } from "../http/endpoint.ts";
import { changeNotes } from "../notes.ts";
import { notesRecord } from "../records/kinds.ts";
import type { Service } from "../service.ts";
import { giveSaved } from "./saved.ts";

/** Older entries of the history tell nothing any more. */
const HISTORY_MS = 60 * 24 * 3_600_000;

/** The edits that make `wanted` the whitelist. */
function whitelistWish(view: AppView, wanted: readonly string[]): Wish {
  const unique = new Set(wanted);
  const gone = view.next.whitelist.filter((path) => !unique.has(path));
  const edits: Edit[] = [
    ...gone.map((id): Edit => ({ kind: "whitelist", id, value: null })),
    ...[...unique].map((id): Edit => ({ kind: "whitelist", id, value: true })),
  ];
  return { edits, problems: whitelistProblems(wanted, checkFactsOf(view)) };
}

async function save(
  call: Call,
  service: Service,
  wanted: (before: readonly string[]) => readonly string[],
): Promise<ReturnType<typeof giveSaved>> {
  const saved = await service.editing.save(call.app, call.act, (view) =>
    whitelistWish(view, wanted(view.next.whitelist)),
  );
  const { next } = await service.view(call.app);
  return giveSaved(call.give(whitelistDocument, next.whitelist, 201), saved);
}

/**
 * The history beside the whitelist as it is: what is whitelisted without an entry is new, and what an entry says is whitelisted and
 * is not has gone.
 */
export function whitelistHistory(
  whitelist: readonly string[],
  updates: readonly WhitelistUpdate[],
  now: number,
): readonly WhitelistUpdate[] {
  const recent = updates.filter(({ updated }) => now - updated < HISTORY_MS);
  const byPath = new Map(recent.map((update) => [update.path, update]));
  const missing = whitelist
    .filter((path) => (byPath.get(path)?.action ?? "DELETE") === "DELETE")
    .map((path): WhitelistUpdate => ({ path, updated: byPath.get(path)?.updated ?? now, action: "ADD" }));
  const listed = new Set(whitelist);
  const kept = recent.filter(({ path, action }) => listed.has(path) !== (action === "DELETE"));
  const gone = recent
    .filter(({ path, action }) => !listed.has(path) && action !== "DELETE")
    .map((update): WhitelistUpdate => ({ ...update, action: "DELETE" }));
  return [...kept, ...missing, ...gone].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

export const whitelistEndpoints: readonly Endpoint[] = [
  {
    id: "getWhitelist",
    method: "GET",
    path: "/whitelist/{app}",
    summary: "The approved whitelist",
    permission: "whitelist",
    query: MODEL_VERSION_QUERY,
    gives: document("Paths of stacks."),
    async handle(call, service) {
      const view = await service.view(call.app);
      expectVersion(call, view);
      return call.give(whitelistDocument, view.approved.whitelist);
    },
  },
  {
    id: "saveWhitelist",
    method: "POST",
    path: "/whitelist/{app}",
    summary: "Saves the whole whitelist as pending changes",
    permission: "whitelist",
    takes: document("Paths of stacks."),
    gives: document("The whitelist with all pending changes."),
    status: 201,
    handle(call, service) {
      const paths = call.document(savedWhitelistDocument);
      return save(call, service, () => paths);
    },
  },
  {
    id: "exportWhitelist",
    method: "GET",
    path: "/whitelist/export/{app}",
    summary: "The approved whitelist as a file",
    permission: "whitelist",
    gives: document("The file."),
    async handle(call, service) {
      const { approved } = await service.view(call.app);
      return call.export(whitelistDocument, approved.whitelist, `exportedWhitelist-forService-${call.app}`);
    },
  },
  {
    id: "addToWhitelist",
    method: "PUT",
    path: "/whitelist/{app}/addStacks",
    summary: "Adds stacks to the whitelist: pending changes",
    permission: "whitelist",
    takes: document("Paths of stacks."),
    gives: document("The whitelist with all pending changes."),
    status: 201,
    handle(call, service) {
      const paths = call.document(savedWhitelistDocument);
      return save(call, service, (before) => [...before, ...paths]);
    },
  },
  {
    id: "takeFromWhitelist",
    method: "DELETE",
    path: "/whitelist/{app}/{paths}",
    summary: "Takes stacks from the whitelist: pending changes",
    permission: "whitelist",
    gives: document("The whitelist with all pending changes."),
    status: 201,
    handle(call, service) {
      const gone = new Set(call.parameter("paths").split(","));
      return save(call, service, (before) => before.filter((path) => !gone.has(path)));
    },
  },
  {
    id: "getWhitelistHistory",
    method: "GET",
    path: "/whitelistWithTimestamps/{app}",
    summary: "When stacks were added to the whitelist and taken from it",
    permission: "whitelist",
    gives: document("Updates by path."),
    async handle(call, service) {
      const { approved } = await service.view(call.app);
      const { value } = await service.records.read(notesRecord(call.app));
      const now = service.facts.clock.wall();
      return call.give(
        whitelistUpdatesDocument,
        whitelistHistory(approved.whitelist, value.whitelist_updates, now),
      );
    },
  },
  {
    id: "deleteWhitelistHistory",
    method: "DELETE",
    path: "/whitelistWithTimestamps/{app}",
    summary: "Forgets when stacks came and went",
    permission: "whitelist",
    gives: text("What was done."),
    async handle(call, service) {
      await changeNotes(service, call.app, call.act, {
        action: "delete whitelist history",
        subject: "when stacks came and went",
        make: () => ({ whitelist_updates: [] }),
      });
      return giveText("the history is empty");
    },
  },
];
