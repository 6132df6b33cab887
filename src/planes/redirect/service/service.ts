/** The management service: models, their changes and who may make them, over the records in the store. */
import { messageOf } from "../../../core/text/message_of.ts";
import { Approval } from "./approval.ts";
import { type AppView, applicationNames, viewOf } from "./app_view.ts";
import { Editing } from "./editing.ts";
import type { ServiceFacts } from "./facts.ts";
import { ListEditing } from "./list_editing.ts";
import { LISTS_RECORD, modelRecord, reloadRecord } from "./records/kinds.ts";
import { Records } from "./records/records.ts";

export class Service {
  readonly facts: ServiceFacts;
  readonly records: Records;
  readonly editing: Editing;
  readonly approval: Approval;
  readonly lists: ListEditing;

  constructor(facts: ServiceFacts) {
    this.facts = facts;
    this.records = new Records(
      () => facts.store(),
      () => facts.max_model_bytes,
    );
    this.editing = new Editing(this.records, facts);
    this.approval = new Approval(this.records, facts);
    this.lists = new ListEditing(this.records, facts);
  }

  /** Rejects with ServiceError 404 for an application that nobody knows. */
  view(app: string): Promise<AppView> {
    return viewOf(this.records, this.facts, app);
  }

  applications(): Promise<string[]> {
    return applicationNames(this.records, this.facts);
  }

  /** Of an application's model, its snapshot of hosts, or the lists; as it is in the store now. Rejects with ServiceError 503. */
  async readVersion(
    what: "lists" | { readonly model: string } | { readonly stacks: string },
  ): Promise<number> {
    if (what === "lists") return (await this.records.readFresh(LISTS_RECORD)).value.version;
    if ("model" in what) return (await this.records.readFresh(modelRecord(what.model))).value.version;
    return (await this.records.readFresh(reloadRecord(what.stacks))).value.version;
  }

  /** A defect of ours, for the log. */
  failed(error: unknown): void {
    this.facts.report({ event: "redirect_service_failed", level: "error", text: messageOf(error) });
  }
}
