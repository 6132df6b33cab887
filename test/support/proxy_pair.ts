/** A Fairlead with one route to one backend. */
import { expect } from "bun:test";
import { startFairlead, type Fairlead } from "./fairlead.ts";
import { askOnce } from "./raw_client.ts";
import {
  answerText,
  rawOrigin,
  type OriginHandler,
  type RawOrigin,
  type RawOriginOptions,
  type ReceivedRequest,
} from "./raw_origin.ts";
import { programWithTestSteps, testParts } from "./test_steps.ts";

export interface ProxyPair extends AsyncDisposable {
  readonly origin: RawOrigin;
  readonly fairlead: Fairlead;
  readonly port: number;
  /** What the backend gets of a request, which must be served and reach it once. */
  forwarded(request: string): Promise<ReceivedRequest>;
}

export interface ProxyPairOptions extends RawOriginOptions {
  /** Further options of the route, each with a comma before it. */
  readonly route?: string;
  /** Further lines of the configuration. */
  readonly top?: string;
  /** The middlewares for tests may be used. */
  readonly testSteps?: boolean;
}

export async function startPair(
  handler: OriginHandler = () => answerText("ok"),
  options: ProxyPairOptions = {},
): Promise<ProxyPair> {
  const origin = await rawOrigin(handler, options);
  const pool = `pools: { app: { backends: [{ url: "${origin.url}" }] } }`;
  const fairlead = await startFairlead(
    `${pool}\nroutes: [{ pool: app${options.route ?? ""} }]\n${options.top ?? ""}`,
    options.testSteps === true
      ? { middlewares: testParts, createProgram: programWithTestSteps({ teed: [], peeked: [], done: [] }) }
      : {},
  );
  return {
    origin,
    fairlead,
    port: fairlead.port(),
    async forwarded(request) {
      const before = origin.requests.length;
      const answer = await askOnce(fairlead.port(), request, { head: request.startsWith("HEAD ") });
      const start = request.slice(0, 120);
      expect([start, answer.status, origin.requests.length]).toEqual([start, 200, before + 1]);
      return origin.requests.at(-1)!;
    },
    async [Symbol.asyncDispose]() {
      origin.close();
      await fairlead[Symbol.asyncDispose]();
    },
  };
}
