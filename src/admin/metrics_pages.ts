/** `/metrics`, made seldom enough that those who ask all the time take no more than a share of the time. */
import { EXPOSITION_FORMATS, expositionFor, type ExpositionFormat } from "../observe/exposition_format.ts";
import type { Clock } from "../platform/clock.ts";
import { RestedText } from "./rested.ts";
import type { MetricsRequest, MetricsText } from "./services.ts";

export class MetricsPages {
  readonly #clock: Clock;
  readonly #texts: ReadonlyMap<ExpositionFormat, RestedText>;

  constructor(make: (format: ExpositionFormat) => string, clock: Clock) {
    this.#clock = clock;
    this.#texts = new Map(
      EXPOSITION_FORMATS.map((format) => [format, new RestedText(() => make(format), clock)]),
    );
  }

  /** In the format that the request's Accept prefers. */
  async answer({ accept, askedAt, isGone }: MetricsRequest): Promise<MetricsText> {
    const format = expositionFor(accept);
    const { contentType: type } = format;
    const text = this.#texts.get(format)!;
    for (let wait = text.waitMs(askedAt); wait > 0; wait = text.waitMs(askedAt)) await this.#pause(wait);
    // Nobody is there to read it.
    return isGone() ? { type, text: "" } : { type, text: text.text(askedAt) };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#clock.every(ms, () => {
        end();
        resolve();
      });
    });
  }
}
