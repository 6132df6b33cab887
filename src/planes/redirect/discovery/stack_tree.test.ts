import { expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { StackTree, type TreeChanges } from "./stack_tree.ts";
import { payloadOf } from "./test_services.ts";

function treeOf(): { readonly tree: StackTree; readonly clock: ManualClock } {
  const clock = new ManualClock();
  return { tree: new StackTree({ ...DEFAULT_REDIRECT.discovery }, clock), clock };
}

function changesOf(changes: Partial<TreeChanges>): TreeChanges {
  return { isEmpty: false, deleted: [], gone: [], found: new Map(), ...changes };
}

const foundAt = (...paths: readonly string[]): TreeChanges =>
  changesOf({
    found: new Map(paths.map((path) => [path, payloadOf(path.slice(path.lastIndexOf("/") + 1))])),
  });

test("only applications whose hosts are others than before are told, and the rest keeps its arrays", () => {
  const { tree } = treeOf();
  expect([...tree.apply(foundAt("/EU/z1/1.0/a1/10.0.0.1", "/EU/z1/1.0/a2/10.0.0.2"))]).toEqual(["a1", "a2"]);
  const [one, two] = [tree.stacksOf("a1"), tree.stacksOf("a2")];
  expect([...tree.apply(foundAt("/EU/z1/1.0/a1/10.0.0.1", "/EU/z1/1.0/a2/10.0.0.2"))]).toEqual([]);
  expect([...tree.apply(foundAt("/EU/z2/1.0/a1/10.0.0.3"))]).toEqual(["a1"]);
  expect(tree.stacksOf("a2")).toBe(two);
  expect(tree.stacksOf("a1")[0]).toBe(one[0]!);
  expect(tree.stacksOf("a1").map(({ stack, flavor }) => [stack, flavor])).toEqual([
    ["/EU/z1", "1.0"],
    ["/EU/z2", "1.0"],
  ]);
});

test("RD170 nothing is remembered of what was deleted", () => {
  const { tree, clock } = treeOf();
  for (let round = 0; round < 20; round++) {
    tree.apply(foundAt("/EU/z1/1.0/a1/10.0.0.1", "/EU/z1/1.0/a1/10.0.0.2"));
    tree.apply(changesOf({ found: new Map([["/EU/z1/1.0/a1/bad", Uint8Array.of(1)]]) }));
    expect([...tree.apply(changesOf({ deleted: ["/EU/z1/1.0/a1"] }))]).toEqual(["a1"]);
    clock.advance(100);
    expect(tree.known("")).toEqual({ stacks: [], nodes: [] });
    expect([tree.applications, tree.hostCount, tree.skipped.count]).toEqual([[], 0, 0]);
  }
});

test("RD71 of very many registrations that cannot be used a hundred are named", () => {
  const { tree } = treeOf();
  const found = new Map(Array.from({ length: 150 }, (_, index) => [`/EU/z1/1.0/a1/h${index}`, "is odd"]));
  tree.apply(changesOf({ found }));
  expect([tree.skipped.count, tree.skipped.named.length]).toEqual([150, 100]);
  expect(tree.skipped.named[0]).toBe("/EU/z1/1.0/a1/h0 was passed over: it is odd");
});

test("RD68 applications with one flavor have their own hosts", () => {
  const { tree } = treeOf();
  tree.apply(foundAt("/EU/z1/1.0/a1/10.0.0.1", "/EU/z1/1.0/a10/10.0.0.2"));
  expect(tree.stacksOf("a1")[0]?.hosts.map(({ ipv4 }) => ipv4)).toEqual(["10.0.0.1"]);
  expect(tree.known("/EU/z1/1.0/a1").nodes).toEqual(["/EU/z1/1.0/a1/10.0.0.1"]);
});

const paths = fc
  .tuple(fc.constantFrom("/EU", "/US"), fc.constantFrom("1.0", "2.0"), fc.nat({ max: 3 }))
  .map(([datacenter, flavor, number]) => `${datacenter}/z1/${flavor}/a1/10.0.0.${number}`);
const steps = fc.oneof(
  fc.record({ kind: fc.constant("found" as const), paths: fc.array(paths, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant("gone" as const), paths: fc.array(paths, { maxLength: 4 }) }),
  fc.record({
    kind: fc.constant("deleted" as const),
    paths: fc.array(fc.constantFrom("/EU", "/US/z1", "/EU/z1/1.0/a1"), { maxLength: 2 }),
  }),
);

test("RD173 after any changes, and the grace, the hosts are those that are registered", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(steps, fc.nat({ max: 2_000 })), { maxLength: 30 }), (all) => {
      const { tree, clock } = treeOf();
      const registered = new Set<string>();
      let before = "";
      const now = (): string =>
        tree
          .stacksOf("a1")
          .flatMap(({ hosts }) => hosts.map(({ key }) => key))
          .join();
      const check = (changed: ReadonlySet<string>): void => {
        expect(changed.has("a1")).toBe(now() !== before);
        before = now();
      };
      for (const [{ kind, paths: touched }, pause] of all) {
        const isTouched = (path: string): boolean =>
          touched.some((each) => path === each || path.startsWith(`${each}/`));
        if (kind === "found") for (const path of touched) registered.add(path);
        else for (const path of [...registered].filter(isTouched)) registered.delete(path);
        check(tree.apply(kind === "found" ? foundAt(...touched) : changesOf({ [kind]: touched })));
        // Whoever is registered is used, whatever else is.
        for (const path of registered) expect(now().split(",")).toContain(path);
        clock.advance(pause);
        check(tree.settle());
      }
      clock.advance(DEFAULT_REDIRECT.discovery.grace_ms);
      check(tree.settle());
      expect(now()).toBe([...registered].toSorted().join());
    }),
    { numRuns: 300 },
  );
});
