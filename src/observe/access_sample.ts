/** Which requests are logged where not all of them are: bad and slow ones always, of the others a share by chance. */
import type { AccessSamplePlan } from "../core/plan.ts";
import type { AccessRecord } from "./access_record.ts";

export type SampleVerdict = "always" | "chosen" | "left_out";

export class AccessSample {
  readonly #share: number;
  readonly #fromStatus: number;
  readonly #slowMs: number;
  readonly #random: () => number;

  /** `random` gives numbers from 0 (included) to 1 (excluded); it is asked once for each ordinary request. */
  constructor({ share, from_status, slower_than_ms }: AccessSamplePlan, random: () => number) {
    this.#share = share;
    this.#fromStatus = from_status;
    this.#slowMs = slower_than_ms === 0 ? Infinity : slower_than_ms;
    this.#random = random;
  }

  /** `durationMs`: how long the request has lasted. */
  judge({ status, reason, retries }: AccessRecord, durationMs: number): SampleVerdict {
    // Below 400 a reason means that the answer was cut or stood still after its head had left.
    const isBad = status >= this.#fromStatus || (reason !== "" && status < 400);
    if (isBad || retries > 0 || durationMs >= this.#slowMs) return "always";
    return this.#random() < this.#share ? "chosen" : "left_out";
  }
}
