/** What Bun 1.4.5 offers on buffers and `bun-types` does not declare. */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
