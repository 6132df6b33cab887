/** A running program with a redirector, what others write to its store, and what its clients are answered. */
import { join } from "node:path";
import type { RedirectModel } from "../../src/core/redirect/model.ts";
import { modelBytes, modelPath } from "../../src/planes/redirect/models/stored.ts";
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import type { RunningFairlead } from "./processes_program.ts";

export interface RedirectAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
}

/** Asks the gateway as a client does, without following what it says. */
export async function askRedirect(
  fairlead: RunningFairlead,
  target = "/serviceDirect/a1",
  init: RequestInit = {},
): Promise<RedirectAnswer> {
  const url = `http://127.0.0.1:${fairlead.port("redirect")}${target}`;
  const answer = await fetch(url, { redirect: "manual", ...init });
  return { status: answer.status, location: answer.headers.get("location"), text: await answer.text() };
}

/** The store of a program with the default one; whoever asks closes it. */
export function embeddedStore(fairlead: RunningFairlead): Store {
  return openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
}

/** Puts a model of an application into the store, as the service does. */
export const writeModel = (store: Store, app: string, version: number, model: RedirectModel) =>
  new LargeDocuments(store).write(modelPath(app), modelBytes({ version, model }));
