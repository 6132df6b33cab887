/** What would become of a request under the plan that acts: found out by the code that decides about real ones. */
import type { AskedRequest, Outcome, PlaneExplanation } from "../../../core/explain/answer.ts";
import { ERRORS } from "../../../core/errors.ts";
import type { KnownState } from "../../../core/health/delta.ts";
import type { Snapshot } from "../../../core/snapshot.ts";
import type { Client, HostRule } from "../../../net/exchange.ts";
import { ListenerSettings } from "../../../net/listener_host.ts";
import type { Clock } from "../../../platform/clock.ts";
import { TimerWheel } from "../../../platform/timer_wheel.ts";
import type { TlsContexts } from "../../../platform/tls_contexts.ts";
import type { ListenerRuntime, PlaneRuntime } from "../runtime.ts";
import { bringRequest, stillClock } from "./connection.ts";
import { explainPool } from "./pool.ts";
import { routesTried } from "./routes.ts";
import { Witness, type LocalAnswer } from "./witness.ts";

export interface ExplainHost {
  readonly clock: Pick<Clock, "now">;
  readonly draining: boolean;
}

/** The plan that acts, with the snapshot that it stands at. */
interface Acting {
  readonly runtime: PlaneRuntime;
  readonly snapshot: KnownState & Pick<Snapshot, "generation">;
}

/**
 * Decides at once, between two requests, and then goes through the rules in slices. Throws Error when there is no such
 * listener.
 */
export function* explain(
  host: ExplainHost,
  { runtime, snapshot }: Acting,
  request: AskedRequest,
): Generator<void, PlaneExplanation> {
  const listener = runtime.listeners.get(request.listener);
  if (listener === undefined) throw new Error(`no listener is named ${request.listener}`);
  const client = clientOf(listener, request);
  const handshake = listener.tls === null ? null : shakeHands(listener.tls, request.server_name);
  const witness = new Witness(planeHost(host), runtime, listener.tls !== null);
  if (handshake?.refused == null) {
    const clock = stillClock(host.clock);
    bringRequest(witness, request.head, {
      wheel: new TimerWheel(clock),
      now: clock.now,
      limits: runtime.plan.limits,
      timeouts: runtime.plan.timeouts,
      listener,
      client,
      serverName: request.server_name,
      hostRule: handshake?.hostRule ?? null,
    });
  }
  const { understood, asked, routeIndex, middlewares, answer, poolQuestion, secure } = witness;
  const choice = poolQuestion === null ? null : explainPool(poolQuestion, snapshot);
  const answering = middlewares.some(({ verdict }) => verdict === "answers");
  const route = routeIndex < 0 ? null : runtime.routes[routeIndex]!;
  const by = answering ? "middleware" : answer?.code === null && route !== null ? "route" : "fairlead";
  const outcome: Outcome | null =
    handshake?.refused != null
      ? { kind: "no_connection", code: "FL_TLS_HANDSHAKE", detail: handshake.refused }
      : (choice?.outcome ??
        (answer === null ? null : { kind: "answer", by, ...answer, detail: detailOf(answer) }));
  // A defect: each request gets one of them.
  if (outcome === null) throw new Error("the request has no outcome");
  const tried =
    asked === null
      ? { routes: [], elsewhere: 0, leftOut: 0 }
      : yield* routesTried(runtime, asked, routeIndex, () => host.clock.now());
  return {
    generation: snapshot.generation,
    certificate:
      handshake === null ? null : { asked: request.server_name, names: [...(handshake.names ?? [])] },
    client: {
      peer: request.peer,
      trusted: client.trusted,
      address: witness.client?.address ?? client.address,
      scheme: secure ? "https" : "http",
    },
    request: understood,
    routes: [...tried.routes],
    routes_elsewhere: tried.elsewhere,
    routes_left_out: tried.leftOut,
    route: route?.name ?? null,
    middlewares,
    pool: choice?.pool ?? null,
    outcome,
    notes: notesOf(listener, handshake?.asksForCertificate === true),
  };
}

const detailOf = ({ code, detail }: LocalAnswer): string =>
  detail === "" && code !== null ? ERRORS[code].text : detail;

/** Nothing that it does is known outside: its wheel stands still. */
function planeHost({ clock, draining }: ExplainHost) {
  const still = stillClock(clock);
  return { wheel: new TimerWheel(still), now: still.now, draining, warn() {} };
}

function clientOf({ plan, tls }: ListenerRuntime, { peer, port }: AskedRequest): Client {
  const trusted = new ListenerSettings(plan, tls).trusts(peer);
  return { address: peer, port: 0, localPort: port, localAddress: "", peerAddress: peer, trusted };
}

interface Handshake {
  /** Why there is no connection, or null. */
  readonly refused: string | null;
  readonly names: readonly string[] | null;
  readonly hostRule: HostRule | null;
  readonly asksForCertificate: boolean;
}

/** What a handshake would choose for a client that asks for `name` ("" = for none). */
function shakeHands(contexts: TlsContexts, name: string): Handshake {
  const found = contexts.find(name);
  if (found === null && contexts.strict) {
    const refused = name === "" ? "the client names no host" : `no certificate is for ${name}`;
    return { refused, names: null, hostRule: null, asksForCertificate: false };
  }
  const context = found ?? contexts.default;
  const { clientAuth, names } = context;
  return {
    refused: null,
    names,
    hostRule: contexts.clientRuleByName ? { allowsHost: (host) => contexts.allowsHost(context, host) } : null,
    asksForCertificate: clientAuth === "require_any" || clientAuth === "require_and_verify",
  };
}

function notesOf({ plan }: ListenerRuntime, asksForCertificate: boolean): string[] {
  const notes: string[] = [];
  if (asksForCertificate) notes.push("the client must show a certificate: taken as given");
  if (plan.proxy_protocol !== null)
    notes.push("the listener reads PROXY headers: the peer is who such a header names");
  return notes;
}
