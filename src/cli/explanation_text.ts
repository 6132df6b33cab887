/** The way of a request as lines for people. */
import type { ExplainedCandidate, ExplainedPool, Explanation } from "../core/explain/answer.ts";
import { textTable } from "./text_table.ts";

/** How kinds of text are shown; each gives back text of the same width on a terminal. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly title: (text: string) => string;
}

/** Width of the words at the left. */
const LEFT = 12;

/** A request that `method` and `url` stand for, step by step down to what becomes of it. */
export function explanationText(explanation: Explanation, method: string, url: string, paint: Paint): string {
  const { worker, generation, notes } = explanation;
  const parts: [title: string, lines: readonly string[]][] = [
    ["listener", listenerLines(explanation)],
    ["client", clientLines(explanation)],
    ["request", requestLines(explanation)],
    ["routes", routeLines(explanation, paint)],
    ["middlewares", middlewareLines(explanation, paint)],
    ["pool", explanation.pool === null ? [] : poolLines(explanation.pool, paint)],
    ["result", [resultLine(explanation, paint)]],
    ["note", notes],
  ];
  const lines = [paint.title(`${clean(method)} ${clean(url)}`), ""];
  for (const [title, texts] of parts)
    for (const [index, text] of texts.entries())
      lines.push(`${index === 0 ? paint.title(title.padEnd(LEFT)) : " ".repeat(LEFT)} ${text}`.trimEnd());
  const by = `as worker ${worker.index} (pid ${worker.pid}) sees it, generation ${generation}`;
  return `${[...lines, "", paint.faint(by)].join("\n")}\n`;
}

/** What a user wrote or sent, without characters that a terminal would act on. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- those are what is replaced.
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, "?");
}

function listenerLines({ listener, certificate }: Explanation): string[] {
  const { name, address, port, why, others } = listener;
  const where = port === 0 ? address : `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const lines = [`${name}, ${where} (${why})`];
  if (others.length > 0) lines.push(`as well possible: ${others.join(", ")} (choose with --listener)`);
  if (certificate !== null && certificate.names.length > 0) {
    const asked =
      certificate.asked === "" ? "the client names no host" : `asked for ${clean(certificate.asked)}`;
    lines.push(`certificate for ${certificate.names.join(", ")} (${asked})`);
  }
  return lines;
}

function clientLines({ client }: Explanation): string[] {
  const { peer, trusted, address, scheme } = client;
  const from = peer === "" ? "a unix socket" : peer;
  if (!trusted) return [`${from}, ${scheme}`];
  if (address === peer) return [`${from}, ${scheme} (a trusted proxy, which names no other client)`];
  const who = address === "" ? "nobody knows who" : clean(address);
  return [`${who}, ${scheme} (by fields of the trusted proxy ${from})`];
}

function requestLines({ request }: Explanation): string[] {
  if (request === null) return [];
  const { method, target, host, path } = request;
  const rules = `rules compare host ${host === "" ? "(none)" : clean(host)}, path ${clean(path)}`;
  return [`${clean(method)} ${clean(target)}`, rules];
}

function routeLines(explanation: Explanation, paint: Paint): string[] {
  const { routes, routes_elsewhere: elsewhere, routes_left_out: leftOut, route } = explanation;
  const rows = routes.map(({ name, priority, match, matches, failed }) => [
    matches ? "takes it" : "no",
    name,
    priority === null ? "last" : String(priority),
    matches ? match : (failed ?? ""),
  ]);
  const [head = "", ...lines] = linesOf(
    textTable(["", "route", "priority", "rule, or what does not hold"], rows),
  );
  const painted = lines.map((line, index) => (routes[index]!.matches ? paint.good : same)(line));
  if (elsewhere > 0) painted.push(paint.faint(`${elsewhere} before for other hosts`));
  if (leftOut > 0) painted.push(paint.faint(`${leftOut} more before, not shown`));
  if (routes.length > 0) painted.unshift(paint.faint(head));
  if (route === null && explanation.request !== null && painted.length > 0) painted.push("none takes it");
  return painted;
}

const same = (text: string): string => text;
const linesOf = (table: string): string[] => table.split("\n").slice(0, -1);

function middlewareLines({ middlewares }: Explanation, paint: Paint): string[] {
  const rows = middlewares.map(({ name, kind, stage, verdict, effects, detail }) => [
    name === kind ? name : `${name} (${kind})`,
    stage,
    VERDICTS[verdict],
    [...effects, detail]
      .filter((text) => text !== "")
      .map(clean)
      .join(", "),
  ]);
  return linesOf(textTable(["", "stage", "", ""], rows))
    .slice(1)
    .map((line, index) => {
      const { verdict } = middlewares[index]!;
      if (verdict === "answers") return paint.bad(line);
      return verdict === "not_reached" ? paint.faint(line) : line;
    });
}

const VERDICTS = {
  passes: "passes",
  answers: "answers",
  unknown: "not known beforehand",
  not_reached: "not reached",
} as const;

const CONDITIONS = {
  serving: "serving",
  last_resort: "serving from its last resort",
  panic: "in panic: health is not looked at",
  down: "down: nobody may serve",
} as const;

function poolLines(pool: ExplainedPool, paint: Paint): string[] {
  const {
    name,
    condition,
    strategy,
    hash_on: on,
    hash_text: text,
    hash,
    candidates,
    by_chance,
    order,
  } = pool;
  const key = on === null ? "" : `, hash of ${on} ${JSON.stringify(clean(text ?? ""))} is ${hash}`;
  const rows = candidates.map((candidate) => [
    markOf(candidate, pool),
    candidate.key,
    candidate.address,
    String(candidate.weight),
    candidate.health ?? "not checked",
    candidate.enabled,
    candidate.limit === 0 ? String(candidate.in_flight) : `${candidate.in_flight} of ${candidate.limit}`,
    candidate.why,
  ]);
  const table = linesOf(
    textTable(["", "backend", "address", "weight", "health", "enabled", "in flight", ""], rows),
  );
  const [head = "", ...lines] = table;
  const painted = lines.map((line, index) => {
    const candidate = candidates[index]!;
    if (candidate.key === order[0]) return paint.good(line);
    return candidate.eligible ? line : paint.faint(line);
  });
  const more = pool.candidates_left_out;
  if (more > 0) painted.push(paint.faint(`${more} more, not shown`));
  const retries = order.slice(1);
  if (by_chance) painted.push("the strategy draws one of those that may be chosen");
  else if (retries.length > 0) painted.push(`then, if that fails: ${retries.join(", ")}`);
  return [`${name}, ${CONDITIONS[condition]}, ${strategy}${key}`, paint.faint(head), ...painted];
}

function markOf({ key, eligible }: ExplainedCandidate, { order }: ExplainedPool): string {
  if (key === order[0]) return "next";
  return eligible ? "may" : "no";
}

function resultLine({ outcome, pool, middlewares }: Explanation, paint: Paint): string {
  const unknown = middlewares.filter(({ verdict }) => verdict === "unknown").map(({ name }) => name);
  const provided =
    unknown.length === 0
      ? ""
      : `, if ${unknown.join(" and ")} ${unknown.length === 1 ? "lets" : "let"} it pass`;
  switch (outcome.kind) {
    case "backend": {
      const to =
        outcome.candidate === null ? `one of ${pool?.name}` : `${outcome.candidate} (${outcome.address})`;
      const request = `${clean(outcome.method)} ${clean(outcome.target)}`;
      const host = outcome.host === "" ? "" : `, Host: ${clean(outcome.host)}`;
      return `${paint.good(`goes to ${to}`)} as ${request}${host}${provided}`;
    }
    case "queue":
      return `waits for up to ${outcome.timeout_ms} ms behind ${outcome.waiting} others: all are at their limits${provided}`;
    case "answer": {
      const { status, by, code, detail, location } = outcome;
      const by_text = { route: "the route", middleware: "a middleware", fairlead: "Fairlead" }[by];
      const why = [code, detail === "" ? null : detail, location === null ? null : `Location: ${location}`];
      const told = why.filter((text) => text !== null).map((text) => `, ${clean(text)}`);
      const answer = `answered with ${status} by ${by_text}`;
      return `${(status < 400 ? paint.good : paint.bad)(answer)}${told.join("")}${provided}`;
    }
    case "no_connection":
      return `${paint.bad("no connection")}, ${outcome.code}: ${clean(outcome.detail)}`;
  }
}
