/** The table of listening sockets, with real sockets, against a model that is a map of names. */
import { expect, test } from "bun:test";
import { existsSync, fstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { ListenerPlan } from "../../src/core/plan.ts";
import { listenerOf } from "../../src/core/test_plan.ts";
import { ListenerTable } from "../../src/run/listener_table.ts";

const NAMES = ["a", "b", "c", "unix"] as const;
type Name = (typeof NAMES)[number];

const isOpen = (fd: number): boolean => {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
};

test("H-J22/listener_table sockets stay with their address, and nothing else is open, after any changes", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-table-"));
  const path = join(folder, "web.sock");
  const planFor = (name: Name): ListenerPlan =>
    name === "unix"
      ? listenerOf(name, { address: { kind: "unix", path, mode: null, user: null, group: null } })
      : listenerOf(name);
  /** Cannot be opened: the folder is not there. */
  const broken = listenerOf("broken", {
    address: { kind: "unix", path: join(folder, "nowhere/x.sock"), mode: null, user: null, group: null },
  });
  const change = fc.record({
    names: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 }),
    slots: fc.integer({ min: 1, max: 3 }),
    end: fc.constantFrom("commit", "commit", "abandon", "fail"),
  });
  try {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const table = new ListenerTable();
        /** Descriptors by name. */
        let model = new Map<string, number[]>();
        const all = new Set<number>();
        for (const { names, slots, end } of changes) {
          const plans = names.map(planFor);
          if (end === "fail")
            expect(() => table.change([...plans, broken], slots)).toThrow("listener broken");
          else {
            const made = table.change(plans, slots);
            expect(made.removed.map(({ plan }) => plan.name).toSorted()).toEqual(
              [...model.keys()].filter((name) => !names.includes(name as Name)).toSorted(),
            );
            if (end === "abandon") made.abandon();
            else {
              expect(made.commit()).toEqual([]);
              table.close(made.removed);
              const next = new Map<string, number[]>();
              for (const { plan, sockets } of table.listeners) {
                const fds = sockets.map(({ fd }) => fd);
                const before = model.get(plan.name) ?? [];
                // What was there stays in its place; what is missing comes behind it.
                expect(fds.slice(0, before.length)).toEqual(before);
                expect(fds.length).toBe(Math.max(slots, before.length));
                next.set(plan.name, fds);
              }
              expect([...next.keys()].toSorted()).toEqual(names.toSorted());
              // Closing in order begins with the file, and waits for queues: see quiesce.
              if (model.has("unix") && !next.has("unix")) rmSync(path, { force: true });
              model = next;
            }
          }
          const held = new Set([...model.values()].flat());
          for (const fd of held) all.add(fd);
          expect([...held].filter((fd) => !isOpen(fd))).toEqual([]);
          expect(new Set(table.listeners.flatMap(({ sockets }) => sockets.map(({ fd }) => fd)))).toEqual(
            held,
          );
          expect(existsSync(path)).toBe(model.has("unix"));
        }
        table.closeAll();
        expect([...all].filter(isOpen)).toEqual([]);
        expect(existsSync(path)).toBe(false);
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 30_000);
