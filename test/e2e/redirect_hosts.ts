/** For tests of the redirector with hosts that really answer: they share a port, each on an address of its own. */
import { allSteps } from "../../src/core/steps.ts";
import { join } from "node:path";
import type { RedirectModel } from "../../src/core/redirect/model.ts";
import { DEFAULT_URL, modelOf } from "../../src/core/redirect/test_decider.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import {
  modelBytes,
  modelPath,
  readModel,
  type StoredModel,
} from "../../src/planes/redirect/models/stored.ts";
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import type { RunningFairlead } from "./processes_program.ts";

export interface LivingHost {
  readonly address: string;
  /** Whether its page `/alive` answers 200. */
  isWell: boolean;
}

/** HTTP servers on `127.0.0.2` and following addresses. */
export class LivingHosts implements Disposable {
  readonly hosts: readonly LivingHost[];
  readonly port: number;
  readonly #servers: Bun.Server<undefined>[] = [];

  constructor(count: number) {
    this.hosts = Array.from({ length: count }, (_, number) => ({
      address: `127.0.0.${number + 2}`,
      isWell: true,
    }));
    const serve = (host: LivingHost, port: number): Bun.Server<undefined> =>
      Bun.serve({
        hostname: host.address,
        port,
        fetch: () => new Response(host.isWell ? "alive" : "ill", { status: host.isWell ? 200 : 500 }),
      });
    this.#servers.push(serve(this.hosts[0]!, 0));
    this.port = this.#servers[0]!.port!;
    for (const host of this.hosts.slice(1)) this.#servers.push(serve(host, this.port));
  }

  /** A model whose URLs lead to the hosts' port. */
  model(settings: Partial<RedirectModel> = {}): RedirectModel {
    return modelOf({ default_url: { ...DEFAULT_URL, port: this.port }, ...settings });
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) void server.stop(true);
  }
}

export function storeOf(fairlead: RunningFairlead): Store {
  return openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
}

/** Registers the addresses as hosts of `a1` with this flavor. */
export async function registerAll(store: Store, flavor: string, hosts: readonly LivingHost[]): Promise<void> {
  for (const { address } of hosts) await registerHost(store, `/EU/z1/${flavor}/a1`, address);
}

export async function writeModel(store: Store, version: number, model: RedirectModel): Promise<void> {
  await new LargeDocuments(store).write(modelPath("a1"), modelBytes({ version, model }));
}

/** The model of `a1` as it stands in the store. */
export async function storedModel(store: Store): Promise<StoredModel> {
  return allSteps(readModel((await new LargeDocuments(store).read(modelPath("a1")))!.value));
}

/** An answer of the redirector for `a1`. */
export async function askRedirector(
  fairlead: RunningFairlead,
  target = "/serviceDirect/a1",
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const url = `http://127.0.0.1:${fairlead.port("redirect")}${target}`;
  const answer = await fetch(url, { redirect: "manual", ...init });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}
