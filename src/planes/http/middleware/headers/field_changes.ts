/** Fields that are set, added and removed, prepared so that a request costs as little as its changes. */
import type { Exchange } from "../../../../net/exchange.ts";
import { isFieldValue, type Head } from "../../../../net/head.ts";
import { removeField } from "../fields.ts";
import type { FieldOptions } from "./schema.ts";
import { Template } from "./template.ts";

/** Most bytes of lines for one message: heads are built in a block of fixed size. */
const MAX_LINES = 32_768;

interface TemplateLine {
  readonly name: string;
  readonly template: Template;
}

export class FieldChanges {
  /** True when a value may come out that no field may hold: ask `breaks` first. */
  readonly mayBreak: boolean;
  readonly #removed: readonly string[];
  /** Lines that are the same for all requests. */
  readonly #lines: string;
  readonly #templates: readonly TemplateLine[];

  constructor({ set, add, remove }: FieldOptions) {
    this.#removed = [...new Set([...remove, ...Object.keys(set).map((name) => name.toLowerCase())])];
    const lines = [...Object.entries(set), ...Object.entries(add)]
      .map(([name, value]) => ({ name, template: new Template(value) }))
      .filter(({ template }) => template.constant !== "");
    this.#lines = lines
      .filter(({ template }) => template.constant !== null)
      .map(({ name, template }) => `${name}: ${template.constant}\r\n`)
      .join("");
    this.#templates = lines.filter(({ template }) => template.constant === null);
    this.mayBreak = this.#templates.some(({ template }) => template.mayBreak);
  }

  get isEmpty(): boolean {
    return this.#removed.length === 0 && this.#lines === "" && this.#templates.length === 0;
  }

  /** True when what the request says cannot stand in a field (CR, LF, other control characters). */
  breaks(exchange: Exchange): boolean {
    return this.#templates.some(
      ({ template }) => template.mayBreak && !isFieldValue(template.value(exchange)),
    );
  }

  /**
   * The lines that `exchange` gets, null when they are longer than any head may be. A value that comes out empty
   * leaves its field out.
   */
  linesFor(exchange: Exchange): string | null {
    let lines = this.#lines;
    for (const { name, template } of this.#templates) {
      const value = template.value(exchange);
      if (value !== "") lines += `${name}: ${value}\r\n`;
    }
    return lines.length > MAX_LINES ? null : lines;
  }

  /** Changes a request, in every spelling that a backend may take for the field. `lines` are those of `linesFor`. */
  applyToRequest(head: Head, lines: string): void {
    for (const name of this.#removed) removeField(head, name);
    head.appended += lines;
  }

  /**
   * Changes an answer; where its lines would be too long or cannot stand in fields, it gets those that are the same for
   * all. The latter are answers of ours alone, that to such a request among them.
   */
  applyToResponse(head: Head, exchange: Exchange): void {
    for (const name of this.#removed) head.remove(name);
    const lines = this.mayBreak && this.breaks(exchange) ? null : this.linesFor(exchange);
    head.appended += lines ?? this.#lines;
  }
}
