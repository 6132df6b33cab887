/** Reads requests by llhttp, in a process of Node.js: Bun has no llhttp, and a process of its own keeps it strict. */
import type { Reading } from "./message.ts";

const READER = `${import.meta.dir}/llhttp_reader.mjs`;
const BATCH = 500;

/** One reading per text, in order. Throws when `node` cannot be started or fails. */
export async function readRequestsByLlhttp(texts: readonly Uint8Array[]): Promise<Reading[]> {
  const process = Bun.spawn(["node", READER], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const output = new Response(process.stdout).text();
  const problems = new Response(process.stderr).text();
  for (let at = 0; at < texts.length; at += BATCH) {
    const batch = texts.slice(at, at + BATCH).map((bytes) => Buffer.from(bytes).toString("base64"));
    void process.stdin.write(`${JSON.stringify(batch)}\n`);
  }
  await process.stdin.end();
  if ((await process.exited) !== 0) throw new Error(`the llhttp reader failed: ${await problems}`);
  const lines = (await output).split("\n").filter((line) => line !== "");
  return lines.flatMap((line) => JSON.parse(line) as Reading[]);
}
