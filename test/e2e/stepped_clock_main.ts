/**
 * The whole program with a calendar clock that a test can set: the file that TEST_CLOCK names holds the milliseconds by
 * which it is ahead. Workers are started from this file too.
 */
import { readFileSync } from "node:fs";

const RealDate = Date;
const file = process.env["TEST_CLOCK"] ?? "";
const steppedNow = (): number => RealDate.now() + Number(readFileSync(file, "utf8"));

globalThis.Date = class extends RealDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [steppedNow()] : args) as [number]));
  }

  static override now(): number {
    return steppedNow();
  }
} as DateConstructor;

await import("../../src/main.ts");
