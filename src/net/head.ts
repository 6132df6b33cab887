/**
 * A message head as it came from the wire: one block of bytes and the positions of its fields. Nothing is decoded
 * until it is read, order and case and bytes above 0x7f stay as they were. Changes are kept beside the block:
 * fields that are left out, and lines that are appended.
 */

import { latin1Text } from "./latin1.ts";

/** Positions kept per field in `Head.positions`. */
export const FIELD_STRIDE = 4;

const EMPTY = new Uint8Array(0);

export class Head {
  /** The block that positions refer to. */
  bytes: Uint8Array = EMPTY;
  /** Number of field lines in the block. */
  count = 0;
  /** Per field: start of its name, end of its name, start of its value, end of its value (without white space). */
  readonly positions: Int32Array;
  /** 1 = the field is not sent on. Parallel to the fields. */
  readonly dropped: Uint8Array;
  droppedCount = 0;
  /** Start of the first field line, and the position of the empty line that ends the block. */
  fieldsStart = 0;
  fieldsEnd = 0;
  /** Lines to append, each `Name: value\r\n`, latin1. */
  appended = "";

  /** `maxFields`: more fields than that do not fit. */
  constructor(maxFields: number) {
    this.positions = new Int32Array(maxFields * FIELD_STRIDE);
    this.dropped = new Uint8Array(maxFields);
  }

  /** Forgets all fields; the object is used again for the next message. */
  reset(): void {
    if (this.droppedCount > 0) this.dropped.fill(0, 0, this.count);
    this.bytes = EMPTY;
    this.count = 0;
    this.droppedCount = 0;
    this.appended = "";
  }

  nameAt(index: number): string {
    const at = index * FIELD_STRIDE;
    return latin1Text(this.bytes, this.positions[at]!, this.positions[at + 1]!);
  }

  valueAt(index: number): string {
    const at = index * FIELD_STRIDE;
    return latin1Text(this.bytes, this.positions[at + 2]!, this.positions[at + 3]!);
  }

  /** Index of the first kept field with this name from `from` on, or -1. `name` is lower case. */
  find(name: string, from = 0): number {
    const { bytes, positions, dropped, count } = this;
    const length = name.length;
    next: for (let index = from; index < count; index++) {
      const at = index * FIELD_STRIDE;
      const start = positions[at]!;
      if (positions[at + 1]! - start !== length || dropped[index] === 1) continue;
      for (let k = 0; k < length; k++) {
        const byte = bytes[start + k]!;
        const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
        if (lower !== name.charCodeAt(k)) continue next;
      }
      return index;
    }
    return -1;
  }

  /** First value of a field as latin1 text, or null. `name` is lower case. */
  get(name: string): string | null {
    const index = this.find(name);
    if (index >= 0) return this.valueAt(index);
    return this.appended === "" ? null : (this.appendedValues(name)[0] ?? null);
  }

  /** All values of a field in order. `name` is lower case. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let index = this.find(name); index >= 0; index = this.find(name, index + 1))
      values.push(this.valueAt(index));
    return this.appended === "" ? values : values.concat(this.appendedValues(name));
  }

  /** Leaves out every field of this name. `name` is lower case. */
  remove(name: string): void {
    for (let index = this.find(name); index >= 0; index = this.find(name, index + 1)) this.drop(index);
    if (this.appended !== "" && this.appendedValues(name).length > 0) {
      const lines = this.appended.split("\r\n").filter((line) => !line.toLowerCase().startsWith(`${name}:`));
      this.appended = lines.join("\r\n");
    }
  }

  drop(index: number): void {
    if (this.dropped[index] === 1) return;
    this.dropped[index] = 1;
    this.droppedCount++;
  }

  /** Appends a field. `name` and `value` are latin1 without CR, LF and NUL: the caller has checked them. */
  add(name: string, value: string): void {
    this.appended += `${name}: ${value}\r\n`;
  }

  /** Replaces all fields of this name by one. */
  set(name: string, value: string): void {
    this.remove(name.toLowerCase());
    this.add(name, value);
  }

  /** All kept fields in the order in which they will be sent. For logs, tests and steps that need them all. */
  fields(): [name: string, value: string][] {
    const list: [string, string][] = [];
    for (let index = 0; index < this.count; index++) {
      if (this.dropped[index] === 0) list.push([this.nameAt(index), this.valueAt(index)]);
    }
    for (const line of this.appended.split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) list.push([line.slice(0, colon), line.slice(colon + 2)]);
    }
    return list;
  }

  private appendedValues(name: string): string[] {
    const values: string[] = [];
    for (const line of this.appended.split("\r\n")) {
      if (
        line.length > name.length &&
        line[name.length] === ":" &&
        line.slice(0, name.length).toLowerCase() === name
      ) {
        values.push(line.slice(name.length + 2));
      }
    }
    return values;
  }
}

/** True when `value` may stand in a field: no CR, LF, NUL (RFC 9110 5.5) and nothing above 0xff. */
export function isFieldValue(value: string): boolean {
  for (let k = 0; k < value.length; k++) {
    const code = value.charCodeAt(k);
    if (code > 255 || code === 127 || (code < 32 && code !== 9)) return false;
  }
  return true;
}
