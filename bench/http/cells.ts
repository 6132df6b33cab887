/** What is measured under load: one entry per cell of the table. */
import { FEW_ROUTES, MANY_ROUTES, UPLOAD_BYTES } from "./settings.ts";

export interface Cell {
  readonly id: string;
  readonly title: string;
  readonly secure: boolean;
  readonly path: string;
  /** Bytes of the answer's body. */
  readonly bodyBytes: number;
  readonly connections: number;
  /** Bytes that each request sends, 0 = GET without a body. */
  readonly uploadBytes: number;
  /** New connection for every request: no, plainly, with a full handshake, with a resumed session. */
  readonly renew: "no" | "plain" | "full" | "resumed";
  readonly workers: number;
  readonly routes: number;
  readonly routedBy: "host" | "prefix";
  /** Which routes the requests ask for: one, or all of them in turn. */
  readonly asks: "one" | "all";
  /** Peers that take part, null = all. */
  readonly peers: readonly string[] | null;
  /**
   * How the requests of a stretch of time are counted: as the backends count them, or by the bytes that clients have
   * acknowledged. The latter where a stretch has few requests, of which those at its ends would weigh too much.
   */
  readonly count: "requests" | "bytes";
  /** Milliseconds of load before the measured stretch begins, at least. */
  readonly settleMs: number;
}

const usual: Omit<Cell, "id" | "title"> = {
  secure: false,
  path: "/25b",
  bodyBytes: 25,
  connections: 64,
  uploadBytes: 0,
  renew: "no",
  workers: 1,
  routes: FEW_ROUTES,
  routedBy: "host",
  asks: "one",
  peers: null,
  count: "requests",
  settleMs: 700,
};
const large = { path: "/100k", bodyBytes: 102_400 };
const huge = { path: "/10m", bodyBytes: 10_485_760, count: "bytes", settleMs: 700 } as const;
const secure = { secure: true };
/** Caddy's map knows no prefixes, and Envoy would try one after the other. */
const byPrefix = {
  routedBy: "prefix",
  asks: "all",
  peers: ["fairlead", "base", "nginx", "haproxy"],
} as const;
const many = { connections: 3_000, settleMs: 1_500 };

export const CELLS: readonly Cell[] = [
  { ...usual, id: "plain-25b", title: "plain, 25 B" },
  { ...usual, id: "hosts-10", title: "plain, 25 B, 10 hosts in turn", asks: "all" },
  {
    ...usual,
    id: "hosts-10000",
    title: "plain, 25 B, 10,000 hosts in turn",
    asks: "all",
    routes: MANY_ROUTES,
  },
  { ...usual, ...byPrefix, id: "prefixes-10", title: "plain, 25 B, 10 prefixes in turn" },
  {
    ...usual,
    ...byPrefix,
    id: "prefixes-10000",
    title: "plain, 25 B, 10,000 prefixes in turn",
    routes: MANY_ROUTES,
  },
  { ...usual, id: "plain-100k", title: "plain, 100 KB", ...large },
  { ...usual, id: "plain-10m", title: "plain, 10 MB", ...huge },
  { ...usual, id: "tls-25b", title: "TLS, 25 B", ...secure },
  { ...usual, id: "tls-100k", title: "TLS, 100 KB", ...secure, ...large },
  { ...usual, id: "tls-10m", title: "TLS, 10 MB", ...secure, ...huge },
  { ...usual, id: "plain-25b-3000", title: "plain, 25 B, 3,000 connections", ...many },
  { ...usual, id: "tls-25b-3000", title: "TLS, 25 B, 3,000 connections", ...secure, ...many },
  { ...usual, id: "post-100k", title: "plain, POST of 100 KB", path: "/upload", uploadBytes: UPLOAD_BYTES },
  { ...usual, id: "new-plain", title: "new connection each, plain", renew: "plain" },
  {
    ...usual,
    id: "new-tls-full",
    title: "new connection each, TLS, full handshake",
    ...secure,
    renew: "full",
  },
  {
    ...usual,
    id: "new-tls-resumed",
    title: "new connection each, TLS, resumed",
    ...secure,
    renew: "resumed",
  },
  { ...usual, id: "new-plain-2", title: "new connection each, plain, 2 workers", renew: "plain", workers: 2 },
];

/** Cells that differ in the number of routes alone: what tells the routes apart, few, many. */
export const BY_ROUTES = [
  ["hosts", "hosts-10", "hosts-10000"],
  ["prefixes on one host", "prefixes-10", "prefixes-10000"],
] as const;

/** Further measurements, without load. */
export const FOOTPRINTS = ["cold-start", "idle-memory", "idle-plain", "idle-tls"] as const;
export type Footprint = (typeof FOOTPRINTS)[number];
