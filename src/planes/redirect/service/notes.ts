/** Changes of what belongs to an application and is no part of its model: they act at once. */
import type { Act } from "./editing.ts";
import { auditOperations } from "./audit.ts";
import { type NotesRecord, notesRecord } from "./records/kinds.ts";
import { recordWrite } from "./records/records.ts";
import type { Service } from "./service.ts";

export interface NotesChange {
  /** In the audit: `save test`. */
  readonly action: string;
  readonly subject: string;
  /** Throws ServiceError. */
  readonly make: (notes: NotesRecord) => Partial<NotesRecord>;
}

/** Rejects with ServiceError: 404 for an application that nobody knows, what `make` throws, 503 while the store is away. */
export async function changeNotes(
  service: Service,
  app: string,
  { who, reason }: Act,
  { action, subject, make }: NotesChange,
): Promise<void> {
  const { records, facts } = service;
  await service.view(app);
  await records.change(async () => {
    const { value, revision } = await records.readFresh(notesRecord(app));
    const next = { ...value, ...make(value), version: value.version + 1 };
    return {
      writes: [recordWrite(notesRecord(app), next, revision)],
      operations: await auditOperations(records, {
        at: facts.clock.wall(),
        who: who.name,
        action,
        app,
        subject,
        reason,
      }),
      result: null,
    };
  });
}
