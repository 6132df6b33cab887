/** The demo as its user sees it: what it prints works, and nothing of it is left at the end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify, isAlive, type ProcessIdentity } from "../../src/platform/processes.ts";
import { requireTool } from "../support/require.ts";
import { PROGRAM } from "../support/program.ts";

const LIMIT_MS = 20_000;
const noCurl = requireTool("curl");

class RunningDemo {
  /** The folder in which the demo makes its own. */
  readonly temporary: string;
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  out = "";
  readonly errors: Promise<string>;

  constructor(folder: string, ...args: string[]) {
    this.temporary = folder;
    mkdirSync(folder);
    this.child = Bun.spawn([...PROGRAM, "demo", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, TMPDIR: folder },
    });
    this.errors = this.child.stderr.text();
    void this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stdout) this.out += decoder.decode(chunk, { stream: true });
  }

  /** Waits until the demo has printed what `pattern` finds. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (const end = performance.now() + LIMIT_MS; ;) {
      const found = pattern.exec(this.out);
      if (found !== null) return found;
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`no ${String(pattern)} in ${this.out} ${await this.stopped()}`);
      await Bun.sleep(10);
    }
  }

  /** Ends a demo that failed and tells what it said. */
  async stopped(): Promise<string> {
    if (this.child.exitCode === null) this.child.kill("SIGTERM");
    return await this.errors;
  }

  get directory(): string {
    return join(this.temporary, readdirSync(this.temporary)[0]!);
  }

  /** The first URL of a printed command that ends with `path`. */
  url(path: string, scheme = "http"): string {
    const found = [...this.out.matchAll(/https?:\/\/[^\s']+/g)].find(
      ([url]) => url.startsWith(`${scheme}:`) && url.endsWith(path),
    );
    if (found === undefined) throw new Error(`no ${scheme} URL with ${path} in ${this.out}`);
    return found[0];
  }

  /** The demo and its workers. */
  processes(): ProcessIdentity[] {
    const workers = readdirSync(join(this.directory, "run", "workers")).map(Number);
    return [this.child.pid, ...workers].map((pid) => identify(pid)!);
  }

  /** Ports in all that it has printed. */
  ports(): number[] {
    return [...new Set([...this.out.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port)))];
  }
}

let folder = "";
let demo: RunningDemo;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-demo-test-"));
  demo = new RunningDemo(join(folder, "a"));
  await demo.until(/removes its files\.\n/);
}, LIMIT_MS);

afterAll(async () => {
  if (demo.child.exitCode === null) demo.child.kill("SIGKILL");
  await demo.child.exited;
  rmSync(folder, { recursive: true, force: true });
});

async function text(url: string, init?: BunFetchRequestInit): Promise<string> {
  return await (await fetch(url, init)).text();
}

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });
}

test("both routes lead to their backends, by weight", async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => text(demo.url("/whoami"))));
  const of = (id: string): number => answers.filter((answer) => answer === `${id}\n`).length;
  // Turns are exact in each of the two workers, which begin anywhere.
  expect(of("site1") + of("site2")).toBe(60);
  expect(Math.abs(of("site1") - 40)).toBeLessThanOrEqual(2);
  const seen = JSON.parse(await text(demo.url("/api/orders?id=7"), { method: "POST", body: "four" })) as {
    readonly headers: Readonly<Record<string, string>>;
  };
  expect(seen).toMatchObject({ backend: "api1", method: "POST", target: "/orders?id=7", body_bytes: 4 });
  expect(seen.headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", "x-forwarded-prefix": "/api" });
});

test("TLS with the printed certificate, verified, a WebSocket too", async () => {
  const url = demo.url("/whoami", "https");
  const [, file] = /--cacert (\S+)/.exec(demo.out)!;
  const tls = { ca: readFileSync(file!, "utf8") };
  expect(await text(url, { tls })).toMatch(/^site[12]\n$/);
  const unverified = await fetch(url).catch((error: Error) => error);
  expect(unverified).toBeInstanceOf(Error);
  const options = { tls } as unknown as string[];
  const socket = new WebSocket(url.replace("https", "wss").replace("whoami", "echo"), options);
  const { data } = await new Promise<MessageEvent>((resolve, reject) => {
    socket.addEventListener("message", resolve);
    socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
  });
  socket.close();
  expect(data).toMatch(/^site[12] repeats what you say$/);
});

test("the page is served, and its WebSocket answers", async () => {
  const page = demo.url("/");
  expect(await text(page)).toContain("This page came from <b>site");
  const socket = new WebSocket(`${page.replace("http", "ws")}echo`);
  const heard: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.addEventListener("open", () => socket.send("hello"));
  socket.addEventListener("message", ({ data }) => {
    if (heard.push(String(data)) === 2) resolve();
  });
  socket.addEventListener("error", () => reject(new Error("the WebSocket failed")));
  await promise;
  socket.close();
  expect(heard).toEqual([expect.stringMatching(/^site[12] repeats what you say$/), "hello"]);
});

test("events come one by one", async () => {
  const { body } = await fetch(demo.url("/events"));
  const reader = body!.getReader();
  const first = await reader.read();
  await reader.cancel();
  expect(new TextDecoder().decode(first.value)).toMatch(/^data: site[12] says 1 of 5\n\n$/);
});

test("a backend that is switched off gets no more requests, and the counts say so", async () => {
  const health = demo.url("/healthz");
  expect(await text(health, { method: "POST", body: "down" })).toBe("down\n");
  await demo.until(/requests [^\n]*site1 \d+ unhealthy/);
  const answers = await Promise.all(Array.from({ length: 10 }, () => text(demo.url("/whoami"))));
  expect(new Set(answers)).toEqual(new Set(["site2\n"]));
  expect(await text(health, { method: "POST", body: "up" })).toBe("healthy\n");
  await demo.until(/site1 \d+ unhealthy[^]*site1 \d+ healthy/);
  // Whoever comes through the proxy cannot switch anything off.
  expect(await text(`${demo.url("/")}healthz`, { method: "POST", body: "down" })).toBe("healthy\n");
});

test("a saved change is in force, and a mistake is told", async () => {
  const file = join(demo.directory, "fairlead.yaml");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replace("pool: site }", "respond: { status: 200, body: changed } }"));
  await demo.until(/fairlead: reloaded/);
  expect(await text(demo.url("/whoami"))).toBe("changed");
  writeFileSync(file, before.replace("routes:", "rotues:"));
  await demo.until(/fairlead: .*rotues: unknown key/);
  writeFileSync(file, before);
  await demo.until(/rotues[^]*fairlead: (?:reloaded|nothing changed)/);
});

test.skipIf(noCurl !== null)(
  "every printed command does what its comment says",
  async () => {
    const commands = [...demo.out.matchAll(/^ {2}(curl .*)$/gm)].map(([, command]) => command!);
    const outcomes: Record<string, string> = {};
    for (const command of commands.filter((one) => !one.includes("-d down"))) {
      const child = Bun.spawn(["sh", "-c", command], { stdio: ["ignore", "pipe", "pipe"] });
      const name = /\/(\w+)(?:\?\S*)?(?:'| |$)(?!.*https?:)/.exec(command)![1]!;
      outcomes[command.includes("https:") ? `${name} by TLS` : name] = await child.stdout.text();
    }
    expect(outcomes).toMatchObject({
      whoami: expect.stringMatching(/^site[12]\n$/),
      orders: expect.stringContaining('"target": "/orders?id=7"'),
      "whoami by TLS": expect.stringMatching(/^site[12]\n$/),
      events: expect.stringMatching(/1 of 5\n\n[^]*5 of 5\n\n$/),
      echo: expect.stringMatching(/^HTTP\/1\.1 101 [^]*repeats what you say$/),
      metrics: expect.stringContaining("\nfairlead_http_requests_total{"),
    });
  },
  LIMIT_MS,
);

test(
  "a second demo finds other ports, and sends requests by itself",
  async () => {
    const second = new RunningDemo(join(folder, "b"), "--traffic", "100", "--workers", "0");
    try {
      await second.until(/removes its files\.\n/);
      expect(second.ports().filter((port) => demo.ports().includes(port))).toEqual([]);
      await second.until(/requests [1-9]\d* \([^\n]*errors 0,[^\n]*api1 [1-9]/);
    } finally {
      second.child.kill("SIGINT");
    }
    expect(await second.child.exited).toBe(0);
    expect(readdirSync(second.temporary)).toEqual([]);
  },
  LIMIT_MS,
);

test("wrong arguments are refused with a sentence", async () => {
  for (const [args, words] of [
    [["--traffic", "many"], "--traffic many: expected requests per second"],
    [["--workers", "x"], "--workers x: expected a number or auto"],
  ] as const) {
    const child = Bun.spawn([...PROGRAM, "demo", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    expect(await child.stderr.text()).toContain(words);
    expect(await child.exited).toBe(2);
  }
});

test(
  "SIGTERM ends it with 0 although a WebSocket is open, and leaves nothing",
  async () => {
    const socket = new WebSocket(`${demo.url("/").replace("http", "ws")}echo`);
    await new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
    const processes = demo.processes();
    expect(processes.filter(isAlive)).toHaveLength(3);
    demo.child.kill("SIGTERM");
    expect(await demo.child.exited).toBe(0);
    socket.close();
    expect(await demo.errors).toBe("");
    expect(demo.out).toContain("is removed\n");
    expect(processes.filter(isAlive)).toEqual([]);
    expect(readdirSync(demo.temporary)).toEqual([]);
    expect(await Promise.all(demo.ports().map(refused))).not.toContain(false);
  },
  LIMIT_MS,
);
