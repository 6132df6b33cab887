/** A running program with a redirector, what others write to its store, and what its clients are answered. */
import { join } from "node:path";
import type { RedirectModel } from "../../src/core/redirect/model.ts";
import { appDocument, type PublishedApp } from "../../src/planes/redirect/gateway/published.ts";
import { modelBytes, modelPath } from "../../src/planes/redirect/models/stored.ts";
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type Fairlead, startFairlead, until } from "../support/fairlead.ts";
import { type RunningFairlead, until as untilAsked } from "./processes_program.ts";

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

/** Waits until every worker has a model: so many connections at once reach all of them. */
export const untilAllDecide = (fairlead: RunningFairlead): Promise<void> =>
  untilAsked(async () => {
    const answers = await Promise.all(Array.from({ length: 32 }, () => askRedirect(fairlead)));
    return answers.every(({ status }) => status === 302);
  }, "all workers decide");

/** The store of a program with the default one; whoever asks closes it. */
export function embeddedStore(fairlead: RunningFairlead): Store {
  return openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
}

/** Puts a model of an application into the store, as the service does. */
export const writeModel = (store: Store, app: string, version: number, model: RedirectModel) =>
  new LargeDocuments(store).write(modelPath(app), modelBytes({ version, model }));

/** A gateway in this process whose application a1 has the model. `settings` stand in the section `redirect`. */
export async function startGateway(
  model: RedirectModel,
  settings = "",
  files: Readonly<Record<string, string>> = {},
): Promise<Fairlead> {
  const fairlead = await startFairlead(`workers: 0\nredirect:\n  address: "127.0.0.1:0"\n  ${settings}`, {
    files,
  });
  await giveModel(fairlead, 1, model);
  return fairlead;
}

/** Writes a model of a1 and waits until it acts. */
export async function giveModel(fairlead: Fairlead, version: number, model: RedirectModel): Promise<void> {
  const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
  await writeModel(store, "a1", version, model);
  await store.close();
  const { supervisor } = fairlead.instance;
  const acting = () => supervisor.snapshot().documents[appDocument("a1")] as PublishedApp | undefined;
  await until(() => acting()?.version === version, `model ${version} acts`);
}
