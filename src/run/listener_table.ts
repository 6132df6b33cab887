/**
 * The listening sockets of the program, all held by the supervisor: an address has one socket per worker slot, and a
 * socket is closed only when its address leaves the configuration.
 */
import { messageOf } from "../core/text/message_of.ts";
import { rmSync, statSync } from "node:fs";
import type { ListenerPlan } from "../core/plan.ts";
import { listenerKey } from "../core/snapshot.ts";
import {
  closeDescriptor,
  deferAccept,
  duplicateSocket,
  knownListeningSocket,
  listenAddressText,
  openListeningSocket,
  queuedConnections,
  openHandshakes,
  refuseNewConnections,
  setBacklog,
  setUnixOwnership,
  type ListeningSocket,
} from "../platform/sockets.ts";
import { queuesEmpty } from "./empty_queues.ts";

/** One address with its sockets. */
export interface HeldListener {
  readonly key: string;
  plan: ListenerPlan;
  readonly sockets: ListeningSocket[];
  /** Device and inode of a unix socket's file, to remove no other; "" for TCP. */
  readonly file: string;
}

/** Where a listener can be reached. `address` is the host, or `unix:/path`. */
export interface ListenerReport {
  readonly name: string;
  readonly address: string;
  /** The real port, 0 for a unix socket. */
  readonly port: number;
}

/** A new set of listeners beside the one that acts: `commit` or `abandon` it. */
export interface ListenerChange {
  /** Addresses that the new plan lacks. */
  readonly removed: readonly HeldListener[];
  /** Gives back what went wrong, in words. */
  commit(): string[];
  abandon(): void;
}

export class ListenerTable {
  #held = new Map<string, HeldListener>();

  /** Workers of a supervisor that died still listen on our addresses: they are not taken for strangers. */
  shared = false;

  /** Sockets of a predecessor that nobody has taken over yet, by the key of their address. */
  readonly #inherited = new Map<string, ListeningSocket[]>();
  /** Addresses that the predecessor still accepts on too: their files are not ours to remove. */
  readonly #common = new Set<string>();

  /** Takes possession of a socket that a predecessor listens on: the next plan with its address uses it. */
  inherit(key: string, fd: number): void {
    const sockets = this.#inherited.get(key) ?? [];
    sockets.push(knownListeningSocket(fd));
    this.#inherited.set(key, sockets);
  }

  /** The predecessor is relieved. What no plan has taken over is closed here: it still accepts what waits there. */
  forgetInherited(): void {
    this.#common.clear();
    for (const sockets of this.#inherited.values()) for (const { fd } of sockets) closeDescriptor(fd);
    this.#inherited.clear();
  }

  get listeners(): readonly HeldListener[] {
    return [...this.#held.values()];
  }

  report(): ListenerReport[] {
    return this.listeners.map(({ plan, sockets }) => ({
      name: plan.name,
      address: plan.address.kind === "unix" ? listenAddressText(plan.address) : (sockets[0]?.host ?? ""),
      port: sockets[0]?.port ?? 0,
    }));
  }

  /**
   * Opens the sockets that `plans` need for `slots` workers and lack. What acts stays as it is until `commit`. Throws
   * Error that names listener and address when one cannot be opened; then nothing has changed.
   */
  change(plans: readonly ListenerPlan[], slots: number): ListenerChange {
    const opened: ListeningSocket[] = [];
    const waiting: { readonly fd: number; readonly backlog: number }[] = [];
    const next = new Map<string, HeldListener>();
    const files: HeldListener[] = [];
    try {
      for (const plan of plans) {
        const key = listenerKey(plan);
        const held = this.#held.get(key);
        const sockets = [...(held?.sockets ?? this.#takeInherited(plan, key))];
        while (sockets.length < slots) {
          const isServed = held !== undefined && plan.address.kind === "tcp";
          const socket = this.#open(plan, sockets[0] ?? null, isServed);
          opened.push(socket);
          if (isServed) waiting.push({ fd: socket.fd, backlog: plan.backlog });
          sockets.push(socket);
        }
        const entry = { key, plan, sockets, file: held?.file ?? fileIdentity(plan) };
        if (held === undefined && !this.#common.has(key)) files.push(entry);
        next.set(key, entry);
      }
    } catch (error) {
      for (const { fd } of opened) closeDescriptor(fd);
      for (const entry of files) removeFile(entry);
      throw error;
    }
    const before = this.#held;
    return {
      removed: [...before.values()].filter(({ key }) => !next.has(key)),
      commit: () => {
        this.#held = next;
        for (const { fd, backlog } of waiting) setBacklog(fd, backlog);
        return [...next.values()].flatMap((entry) =>
          applySettings(entry, before.get(entry.key)?.plan ?? null),
        );
      },
      abandon() {
        for (const { fd } of opened) closeDescriptor(fd);
        for (const entry of files) removeFile(entry);
      },
    };
  }

  /** Sockets that a predecessor has handed over for this address, with the settings of `plan`; in place only at the start. */
  #takeInherited({ backlog, defer_accept: deferred }: ListenerPlan, key: string): readonly ListeningSocket[] {
    const sockets = this.#inherited.get(key) ?? [];
    if (this.#inherited.delete(key)) this.#common.add(key);
    for (const { fd } of sockets) {
      deferAccept(fd, deferred);
      setBacklog(fd, backlog);
    }
    return sockets;
  }

  /** `waits`: an address that is served gets another socket, which must take no connection as long as it may go again. */
  #open(plan: ListenerPlan, first: ListeningSocket | null, waits: boolean): ListeningSocket {
    const { address, backlog, defer_accept: deferred } = plan;
    try {
      if (first !== null && address.kind === "unix") return { ...first, fd: duplicateSocket(first.fd) };
      if (first === null && this.shared && address.kind === "unix") rmSync(address.path, { force: true });
      const exclusive = first === null && !this.shared && !this.#isOurs(plan);
      const target = first !== null && address.kind === "tcp" ? { ...address, port: first.port } : address;
      return openListeningSocket(target, {
        backlog,
        reusePort: true,
        exclusive,
        deferAccept: deferred,
        waits,
      });
    } catch (error) {
      throw new Error(`listener ${plan.name}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** True when we listen on that port already, under an address that overlaps (`:80` becomes `127.0.0.1:80`). */
  #isOurs({ address }: ListenerPlan): boolean {
    if (address.kind !== "tcp" || address.port === 0) return false;
    return this.listeners.some(({ sockets }) => sockets[0]?.port === address.port);
  }

  /**
   * First half of closing addresses without losing a connection: nobody new gets in, and what waits is accepted by the
   * workers, which must still accept. Resolves when the queues are empty (or after 5 s).
   */
  async quiesce(listeners: readonly HeldListener[]): Promise<void> {
    for (const listener of listeners) {
      removeFile(listener);
      for (const { fd } of listener.sockets) refuseNewConnections(fd);
    }
    const sockets = listeners.flatMap((listener) => listener.sockets.map(({ fd }) => fd));
    await queuesEmpty(sockets, { queued: queuedConnections, handshakes: openHandshakes });
  }

  /** Closes everything at once: what waits to be accepted is lost. */
  closeAll(): void {
    for (const listener of this.#held.values()) if (!this.#common.has(listener.key)) removeFile(listener);
    this.close(this.listeners);
  }

  /** Second half, when no worker accepts on them any more. */
  close(listeners: readonly HeldListener[]): void {
    for (const { key, sockets } of listeners) {
      for (const { fd } of sockets) closeDescriptor(fd);
      this.#held.delete(key);
    }
  }
}

function fileIdentity(plan: ListenerPlan): string {
  if (plan.address.kind !== "unix" || plan.address.path.startsWith("@")) return "";
  const { dev, ino } = statSync(plan.address.path);
  return `${dev}:${ino}`;
}

/** Removes the file of a unix socket unless another one stands in its place. */
function removeFile({ plan, file }: HeldListener): void {
  if (file === "" || plan.address.kind !== "unix") return;
  try {
    if (fileIdentity(plan) === file) rmSync(plan.address.path, { force: true });
  } catch {
    // It is gone already, or the directory is not ours to change: the socket closes all the same.
  }
}

/** Backlog, deferred accept and file mode of an address that stays follow the new plan. Gives back errors in words. */
function applySettings(held: HeldListener, before: ListenerPlan | null): string[] {
  if (before === null) return [];
  const { name, address, backlog, defer_accept: deferred } = held.plan;
  if (deferred !== before.defer_accept) for (const { fd } of held.sockets) deferAccept(fd, deferred);
  if (backlog !== before.backlog) for (const { fd } of held.sockets) setBacklog(fd, backlog);
  if (address.kind !== "unix" || JSON.stringify(address) === JSON.stringify(before.address)) return [];
  try {
    setUnixOwnership(address);
    return [];
  } catch (error) {
    // For the next reload to try again.
    held.plan = { ...held.plan, address: before.address };
    return [`listener ${name}: ${messageOf(error)}`];
  }
}
