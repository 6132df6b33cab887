/** Lines of answers of our own, each with its line end. */

/** Stands in what no cache may keep: errors, refusals, and what holds for a moment. */
export const NO_STORE_LINE = "Cache-Control: no-store\r\n";

let dateSecond = 0;
let date = "";

/** The Date field of this second, with its line end (RFC 9110 6.6.1). */
export function dateLine(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
  }
  return date;
}
