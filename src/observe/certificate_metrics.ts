/** When the certificates of listeners end. */
import type { Snapshot } from "../core/snapshot.ts";
import { certificateEnd } from "../platform/certificate_reader.ts";
import type { SupervisorMetrics } from "./supervisor_metrics.ts";

export class CertificateMetrics {
  readonly #supervisor: SupervisorMetrics;
  /** End of each content that was read, in seconds: a content is read once. */
  #ends = new Map<string, number | null>();

  constructor(supervisor: SupervisorMetrics) {
    this.#supervisor = supervisor;
  }

  /** Brings the metric to the certificates that a snapshot serves. */
  update({ plan, files }: Snapshot): void {
    const ends = new Map<string, number | null>();
    const rows = new Map<string, [[listener: string, certificate: string], number]>();
    for (const { name, tls } of plan.listeners)
      for (const { cert } of tls?.certificates ?? []) {
        const text = files[cert] ?? "";
        const end = this.#ends.has(text) ? this.#ends.get(text)! : certificateEnd(text);
        ends.set(text, end);
        if (end !== null) rows.set(JSON.stringify([name, cert]), [[name, cert], end]);
      }
    this.#ends = ends;
    this.#supervisor.replace("certificate_not_after_seconds", rows.values());
  }
}
