/** Several body stages of one exchange as one. */
import type { BodySink, BodyStage, Exchange } from "../../net/exchange.ts";
import type { Head } from "../../net/head.ts";

/** `stages` in the order in which bytes meet them; null for none. */
export function joinStages(stages: readonly BodyStage[]): BodyStage | null {
  let joined: BodyStage | null = null;
  for (let index = stages.length - 1; index >= 0; index--) {
    joined = joined === null ? stages[index]! : new StagePair(stages[index]!, joined);
  }
  return joined;
}

class StagePair implements BodyStage {
  readonly keepsLength: boolean;
  readonly #first: BodyStage;
  readonly #second: BodyStage;
  #between: BodySink | null = null;

  constructor(first: BodyStage, second: BodyStage) {
    this.#first = first;
    this.#second = second;
    this.keepsLength = first.keepsLength === true && second.keepsLength === true;
  }

  write(exchange: Exchange, bytes: Uint8Array, from: number, to: number, next: BodySink): boolean {
    return this.#first.write(exchange, bytes, from, to, this.#sink(exchange, next));
  }

  end(exchange: Exchange, trailers: Head | null, next: BodySink): void {
    this.#first.end(exchange, trailers, this.#sink(exchange, next));
  }

  #sink(exchange: Exchange, next: BodySink): BodySink {
    return (this.#between ??= {
      write: (bytes, from, to) => this.#second.write(exchange, bytes, from, to, next),
      end: (trailers) => this.#second.end(exchange, trailers, next),
    });
  }
}
