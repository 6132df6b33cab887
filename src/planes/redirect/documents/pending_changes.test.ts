import { expect, test } from "bun:test";
import fc from "fast-check";
import { difference, edited, nextModel, type Pending } from "../../../core/redirect/changes/pending.ts";
import { readJson, writeJson, type DocumentKind } from "../../../core/redirect/documents/kind.ts";
import {
  pendingChangesDocument,
  pendingDocument,
  pendingOfDocument,
} from "../../../core/redirect/documents/pending_changes.ts";
import { documentProblemText, type Read } from "../../../core/redirect/documents/reading.ts";
import { stackCommentDocument } from "../../../core/redirect/documents/service_documents.ts";
import {
  conditionOf,
  literalOf,
  modelOf,
  ruleOf,
  serverOf,
  to,
} from "../../../core/redirect/test_decider.ts";
import { anyModel } from "../../../core/redirect/test_models.ts";
import { readXml, writeXml } from "./xml.ts";

const encoder = new TextEncoder();

function good<Value>(read: Read<Value>): Value {
  expect([...read.problems, ...read.warnings].map(documentProblemText)).toEqual([]);
  return read.value!;
}

function backFromXml<Value>(kind: DocumentKind<Value>, value: Value): Value {
  return good(readXml(kind, [encoder.encode(writeXml(kind, value))], { max_model_bytes: 1 << 22 }));
}

const withoutAuthors = (pending: Pending) =>
  pending
    .map(({ kind, id, before, after }) => ({ kind, id, before, after }))
    .toSorted((one, other) => (`${one.kind} ${one.id}` < `${other.kind} ${other.id}` ? -1 : 1));

/** The original has no rollouts, and no name for their changes. */
const anyOfOriginal = anyModel.map((model) => ({ ...model, rollouts: [] }));

test("pending changes in XML are the same changes, and lead to the same model", () => {
  fc.assert(
    fc.property(anyOfOriginal, anyOfOriginal, (approved, wanted) => {
      const pending = edited([], approved, difference(approved, wanted), { author: "a", at: 5 });
      const document = pendingDocument(3, pending);
      const read = backFromXml(pendingChangesDocument, document);
      expect(read).toEqual(document);
      const back = pendingOfDocument(read, approved, 5);
      expect(withoutAuthors(back)).toEqual(withoutAuthors(pending));
      expect(difference(nextModel(approved, back), wanted)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test("pending changes in JSON have a map from ids for each kind, as the original has them", () => {
  const approved = modelOf({
    whitelist: ["/EU/z1"],
    distribution: [{ percent: 10, server: serverOf("1.0") }],
  });
  const wanted = modelOf({
    rules: [ruleOf("beta", [conditionOf("isEmpty", { param: "mac" })], to(literalOf("xre://t:1")))],
    distribution: [{ percent: 20, server: serverOf("1.0") }],
    whitelist: ["/EU/z2"],
  });
  const pending = edited([], approved, difference(approved, wanted), { author: "a", at: 5 });
  const document = writeJson(pendingChangesDocument, pendingDocument(3, pending));
  expect(document).toMatchObject({
    version: 3,
    pathRules: {
      entry: [{ key: "beta", value: { id: "beta", changeType: "ADD", changedExpression: { id: "beta" } } }],
    },
    distributions: {
      entry: [
        {
          key: "0",
          value: {
            changeType: "UPDATE",
            changedExpression: { percent: 20 },
            currentExpression: { percent: 10 },
          },
        },
      ],
    },
    whitelisted: {
      entry: [
        { key: "/EU/z1", value: { changeType: "DELETE", currentExpression: { value: "/EU/z1" } } },
        { key: "/EU/z2", value: { changeType: "ADD", changedExpression: { value: "/EU/z2" } } },
      ],
    },
  });
  const read = good(readJson(pendingChangesDocument, JSON.parse(JSON.stringify(document))));
  expect(withoutAuthors(pendingOfDocument(read, approved, 5))).toEqual(withoutAuthors(pending));
});

test("the number of a share may be any: it costs nothing", () => {
  const share = { percent: 5, server: serverOf("2.1") };
  const entry = (id: string) => ({ id, type: "ADD" as const, changed: share, current: null });
  const document = { ...pendingDocument(1, []), distributions: [entry("4294967290"), entry("7")] };
  const start = performance.now();
  expect(pendingOfDocument(document, modelOf(), 5)).toMatchObject([
    { kind: "distribution", after: [share, share] },
  ]);
  expect(performance.now() - start).toBeLessThan(1_000);
});

test("a comment on a stack", () => {
  expect(backFromXml(stackCommentDocument, "moved & gone")).toBe("moved & gone");
  expect(good(readJson(stackCommentDocument, { comment: "x" }))).toBe("x");
  expect(writeJson(stackCommentDocument, "x")).toEqual({ comment: "x" });
});
