/**
 * Reads requests with llhttp, the parser of Node.js, without any leniency. Runs under Node.js alone: one line of JSON
 * per batch on stdin ([base64, …]), one line per batch on stdout ([{ requests, ending }, …]).
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

if (process.versions.bun !== undefined) throw new Error("this needs Node.js: Bun has no llhttp");
const { HTTPParser, methods } = createRequire(import.meta.url)("_http_common");

const MAX_HEADER_BYTES = 256 * 1024;
const NO_LENIENCY = 0;

function pairs(flat) {
  const list = [];
  for (let index = 0; index + 1 < flat.length; index += 2) list.push([flat[index], flat[index + 1]]);
  return list;
}

/** A parser that files whole requests into `requests`; `state.open` tells whether one has begun. */
function parserInto(requests, state) {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, MAX_HEADER_BYTES, NO_LENIENCY);
  let early = [];
  let url = "";
  let current = null;
  parser[HTTPParser.kOnMessageBegin] = () => {
    state.open = true;
    early = [];
    url = "";
    current = null;
  };
  // Fields come early when there are many; after the head the same call brings trailers.
  parser[HTTPParser.kOnHeaders] = (fields, part) => {
    if (current === null) {
      early.push(...fields);
      url += part;
    } else current.trailers.push(...pairs(fields));
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, fields, method, target, _code, _words, upgrade) => {
    current = {
      method: methods[method],
      target: target ?? url,
      version: `${major}.${minor}`,
      fields: pairs(fields === undefined ? early : early.concat(fields)),
      body: "",
      trailers: [],
    };
    state.upgrade = upgrade;
    return 0;
  };
  parser[HTTPParser.kOnBody] = (bytes) => {
    current.body += Buffer.from(bytes).latin1Slice();
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    requests.push(current);
    state.open = false;
  };
  return parser;
}

function read(bytes) {
  const requests = [];
  let at = 0;
  for (;;) {
    const state = { open: false, upgrade: false };
    const result = parserInto(requests, state).execute(bytes.subarray(at));
    if (result instanceof Error) {
      const why = `${result.code}: ${result.reason ?? result.message}`;
      return { requests, ending: { kind: "refused", status: 0, why } };
    }
    // After a request with Upgrade llhttp stops; a server that does not switch reads on there.
    if (state.upgrade && !state.open && at + result < bytes.length) {
      at += result;
      continue;
    }
    return { requests, ending: { kind: state.open ? "more" : "complete" } };
  }
}

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
for await (const line of lines) {
  const batch = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(batch.map((text) => read(Buffer.from(text, "base64"))))}\n`);
}
