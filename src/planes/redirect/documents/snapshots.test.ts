/** Snapshots in both formats: what is written is read again. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readJson, writeJson } from "../../../core/redirect/documents/kind.ts";
import { pendingDocument } from "../../../core/redirect/documents/pending_changes.ts";
import { type DataSnapshot, dataSnapshotDocument } from "../../../core/redirect/documents/snapshots.ts";
import type { RedirectModel } from "../../../core/redirect/model.ts";
import { anyModel, groupedByOperator, namedLists } from "../../../core/redirect/test_models.ts";
import { readXml, writeXml } from "./xml.ts";

const snapshotOf = (model: RedirectModel, lists: DataSnapshot["lists"]["lists"]): DataSnapshot => ({
  snapshots: [
    {
      application: "a1",
      version: 7,
      model,
      whitelist_updates: [{ path: "/EU/z1", updated: 5, action: "ADD" }],
      pending: pendingDocument(3, []),
      paths: [
        { service: "a1", stacks: [{ value: "/EU/z1/1.0", nodes: 2, nodes_whitelisted: 1 }], flavors: [] },
      ],
      stacks: [{ path: "/EU/z1/1.0/a1", hosts: [{ id: "h", ipv4: "10.0.0.1", ipv6: null, weight: "5" }] }],
    },
  ],
  applications: ["a1", "a2"],
  lists: { version: 4, lists },
  settings: { min_hosts: 2, app_min_hosts: 3, version: 1 },
});

const grouped = (model: RedirectModel): RedirectModel => ({
  ...model,
  rules: model.rules.map((rule) => groupedByOperator(rule)),
  rule_templates: model.rule_templates.map((rule) => groupedByOperator(rule)),
  url_rules: model.url_rules.map((rule) => groupedByOperator(rule)),
  url_rule_templates: model.url_rule_templates.map((rule) => groupedByOperator(rule)),
});

test("snapshots of any model and lists are read as they were written, but for the order of conditions in JSON", () => {
  fc.assert(
    fc.property(anyModel, namedLists, (model, lists) => {
      const snapshot = snapshotOf(model, lists);
      const json = readJson(
        dataSnapshotDocument,
        JSON.parse(JSON.stringify(writeJson(dataSnapshotDocument, snapshot))),
      );
      expect([json.problems, json.warnings]).toEqual([[], []]);
      expect(json.value).toEqual(snapshotOf(grouped(model), lists));
      const bytes = new TextEncoder().encode(writeXml(dataSnapshotDocument, snapshot));
      const xml = readXml(dataSnapshotDocument, [bytes], { max_model_bytes: bytes.length });
      expect(xml.problems).toEqual([]);
      expect(xml.value?.snapshots[0]?.model).toEqual(model);
      expect(xml.value?.snapshots[0]?.stacks).toEqual(snapshot.snapshots[0]!.stacks);
    }),
    { numRuns: 50 },
  );
});
