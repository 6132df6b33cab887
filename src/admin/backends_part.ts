/** Backends as operators see and set them, as a part of the supervisor. */
import { z } from "zod";
import { messageOf } from "../core/text/message_of.ts";
import type { Plan } from "../core/plan.ts";
import type { SnapshotDelta } from "../core/snapshot.ts";
import { realClock } from "../platform/clock.ts";
import { realFiles } from "../platform/files.ts";
import {
  BackendIdError,
  BackendOverrides,
  type BackendAction,
  type OverridesHost,
} from "./backend_overrides.ts";

const named = { command: z.literal("backends"), id: z.string() };
const requestSchema = z.discriminatedUnion("action", [
  z.strictObject({ command: z.literal("backends"), action: z.literal("list") }),
  z.strictObject({ ...named, action: z.enum(["enable", "drain", "reset"]) }),
  z.strictObject({ ...named, action: z.literal("disable"), force: z.boolean().default(false) }),
  z.strictObject({ ...named, action: z.literal("weight"), weight: z.number() }),
]);

/** Who asks over the control socket. */
interface Peer {
  readonly name: string;
}

export class BackendsPart {
  readonly commands: Readonly<Record<string, (request: unknown, peer: Peer) => Promise<object>>>;
  readonly overrides: BackendOverrides;

  constructor(host: OverridesHost) {
    this.overrides = new BackendOverrides(host, realFiles, realClock);
    this.commands = { backends: (request, { name }) => this.#answer(request, name) };
  }

  planComing(plan: Plan): SnapshotDelta {
    return this.overrides.planComing(plan);
  }

  planChanged(plan: Plan): Promise<void> {
    return this.overrides.planChanged(plan);
  }

  serving(): void {
    void this.overrides.relieved();
  }

  stop(): Promise<void> {
    return this.overrides.stop();
  }

  async #answer(given: unknown, by: string): Promise<object> {
    const { data: request, error } = requestSchema.safeParse(given);
    if (error !== undefined) throw new Error(`backends: ${z.prettifyError(error)}`);
    if (request.action === "list") return { ok: true, backends: this.overrides.list() };
    const { id } = request;
    try {
      const change = await this.overrides.change(id, request satisfies BackendAction, by);
      return { ok: true, ...change };
    } catch (problem) {
      const matches = problem instanceof BackendIdError ? problem.matches : [];
      return { ok: false, error: messageOf(problem), matches };
    }
  }
}
