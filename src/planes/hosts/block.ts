/**
 * Our block in the text of a hosts file. Texts hold one character per byte (latin1), so that every byte outside the block
 * stays what it is, whatever it means.
 */
import { parseIp } from "../../core/schema/ip.ts";
import { ALL_MARKERS, ORIGINAL_MARKERS, OWN_MARKERS, type Markers } from "../../core/text/hosts_markers.ts";
import { HostsFileError } from "./hosts_file_error.ts";
import type { HostsLine, WantedName } from "./lines.ts";

export interface Block {
  readonly markers: Markers;
  /** Where it begins in the text, and where what follows it begins. */
  readonly start: number;
  readonly end: number;
  readonly lines: readonly HostsLine[];
}

/** Finds the block, or null. Throws HostsFileError, with `path` and line, for a damaged one and for two of them. */
export function findBlock(text: string, path: string): Block | null {
  const marks = findMarks(text);
  if (marks.length === 0) return null;
  const [first, second, third] = marks as [Mark, Mark | undefined, Mark | undefined];
  const refuse = (line: number, problem: string): never => {
    throw new HostsFileError(
      `${path}:${line}: ${problem}; expected one block with both of its markers`,
      `block ${problem}`,
    );
  };
  if (first.kind === "end") refuse(first.line, `"${first.markers.end}" has no beginning before it`);
  if (second === undefined) return refuse(first.line, `"${first.markers.begin}" has no end`);
  if (second.kind === "begin" || second.markers !== first.markers)
    refuse(second.line, `"${second.text}" stands inside a block that began in line ${first.line}`);
  if (third !== undefined) refuse(third.line, `"${third.text}" is one marker too many`);
  const lines = linesOf(text.slice(first.end, second.start), first.line + 1, path);
  return { markers: first.markers, start: first.start, end: second.end, lines };
}

interface Mark {
  readonly kind: "begin" | "end";
  readonly markers: Markers;
  readonly text: string;
  /** From 1. */
  readonly line: number;
  readonly start: number;
  /** Behind the end of its line. */
  readonly end: number;
}

function findMarks(text: string): Mark[] {
  const found: Mark[] = [];
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline + 1;
    const marker = text[start] === "#" ? markerOf(text.slice(start, end)) : null;
    if (marker !== null)
      found.push({ ...marker, line, start, end: marker.isGlued ? start + marker.text.length : end });
    start = end;
  }
  return found;
}

interface Marker extends Pick<Mark, "kind" | "markers" | "text"> {
  /** Something stands right behind it: it had no end of its line, and somebody has appended to the file. */
  readonly isGlued: boolean;
}

function markerOf(line: string): Marker | null {
  const text = line.trimEnd();
  for (const markers of ALL_MARKERS)
    for (const kind of ["begin", "end"] as const) {
      if (text === markers[kind]) return { kind, markers, text, isGlued: false };
      const isGlued = kind === "end" && text.startsWith(markers.end) && !/\s/.test(text[markers.end.length]!);
      if (isGlued) return { kind, markers, text: markers.end, isGlued };
    }
  return null;
}

function linesOf(inside: string, firstLine: number, path: string): HostsLine[] {
  return inside.split("\n").flatMap((text, index) => {
    const [address = "", ...names] = text.trim().split(/\s+/);
    if (address === "") return [];
    if (parseIp(address) !== null && names.length > 0 && !text.includes("#"))
      // The original wrote them as its files did; case means nothing in a name.
      return [{ address, names: names.map((name) => name.toLowerCase()) }];
    throw new HostsFileError(
      `${path}:${firstLine + index}: a line inside our block is not ours; expected an address and names`,
      "block line",
    );
  });
}

/** The lines that `wanted` asks for; `keep` takes what stands in `block` for one of the names. */
export function wantedLines(wanted: readonly WantedName[], block: Block | null): HostsLine[] {
  return wanted.flatMap(({ names, addresses }) => {
    const kept = (): string[] =>
      (block?.lines ?? [])
        .filter((line) => line.names.some((name) => names.includes(name)))
        .map(({ address }) => address);
    return [...new Set(addresses === "keep" ? kept() : addresses)].map((address) => ({ address, names }));
  });
}

/** `text` with these lines in our block; `text` itself when they stand there already, whoever's block it is. */
export function withLines(text: string, block: Block | null, lines: readonly HostsLine[]): string {
  const isEqual = JSON.stringify(lines) === JSON.stringify(block?.lines ?? []);
  if (isEqual && !(block !== null && hasGluedText(text, block))) return text;
  if (lines.length === 0) return block === null ? text : withoutBlock(text, block);
  return block === null ? appended(text, lines) : replaced(text, block, OWN_MARKERS, lines);
}

/** `text` without the block, as it was before. */
export function withoutBlock(text: string, { start, end }: Block): string {
  const behind = text.slice(end);
  // A block without an end of its last line stands behind a line that had none either, and got the block's.
  const isAppended = behind === "" && start > 0 && !text.endsWith("\n");
  const added = isAppended ? endOfLine(firstLine(text.slice(start))).length : 0;
  return text.slice(0, start - added) + behind;
}

/** `text` whose block has the markers of the original program. */
export function released(text: string, block: Block): string {
  return block.markers === ORIGINAL_MARKERS ? text : replaced(text, block, ORIGINAL_MARKERS, block.lines);
}

function replaced(text: string, block: Block, markers: Markers, lines: readonly HostsLine[]): string {
  const { start, end } = block;
  const eol = endOfLine(firstLine(text.slice(start)));
  const body = rendered(markers, lines, eol);
  const hasEnd = text[end - 1] === "\n" || hasGluedText(text, block);
  return text.slice(0, start) + (hasEnd ? body : body.slice(0, -eol.length)) + text.slice(end);
}

/** A last line without an end gets one; the block then has none, so that taking it out gives the old text back. */
function appended(text: string, lines: readonly HostsLine[]): string {
  const lastLine = text.slice(text.lastIndexOf("\n", text.length - 2) + 1);
  const eol = text.endsWith("\n") ? endOfLine(lastLine) : endOfLine(firstLine(text));
  const body = rendered(OWN_MARKERS, lines, eol);
  return text === "" || text.endsWith("\n") ? text + body : text + eol + body.slice(0, -eol.length);
}

/** What was appended without a look at the last line becomes a line of its own. */
const hasGluedText = (text: string, { end }: Block): boolean => text[end - 1] !== "\n" && end < text.length;

const firstLine = (text: string): string => text.slice(0, text.indexOf("\n") + 1);

const endOfLine = (line: string): string => (line.endsWith("\r\n") ? "\r\n" : "\n");

function rendered(markers: Markers, lines: readonly HostsLine[], eol: string): string {
  const width = Math.max(...lines.map(({ address }) => address.length)) + 2;
  const inside = lines.map(({ address, names }) => `${address.padEnd(width)}${names.join(" ")}`);
  return [markers.begin, ...inside, markers.end].map((line) => line + eol).join("");
}
