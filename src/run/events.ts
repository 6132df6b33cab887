/** What the supervisor tells its operator. `text` is one sentence; the rest are fields for machines. */
export interface RunEvent {
  readonly event: string;
  readonly level: "info" | "warning" | "error";
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type Report = (event: RunEvent) => void;
