/** What the metrics say of the program itself, in both formats, with the real program over two workers. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { parseExposition, type Exposition } from "../../src/observe/test_exposition.ts";
import { parseOpenMetrics } from "../../src/observe/test_openmetrics.ts";
import { rawClient } from "../support/raw_client.ts";
import { runFairlead, type RunningFairlead } from "./processes_program.ts";

const ACCEPTS_OPENMETRICS =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const ENDS = Date.UTC(2126, 0, 1);

async function scrape({ admin }: RunningFairlead): Promise<Exposition> {
  const answer = await fetch(`http://${admin}/metrics`, { headers: { accept: "*/*" } });
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await answer.text());
}

async function scrapeOpen({ admin }: RunningFairlead): Promise<Exposition> {
  const answer = await fetch(`http://${admin}/metrics`, { headers: { accept: ACCEPTS_OPENMETRICS } });
  expect(answer.headers.get("content-type")).toBe(
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  return parseOpenMetrics(await answer.text());
}

const PROCESSES = ["supervisor", "worker-0", "worker-1"];

test("the program shows its processes, its workers, its certificates and its generations in both formats", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-certificates-"));
  const { cert, key } = issueCertificate({ commonName: "a.example", notAfter: ENDS });
  const [certFile, keyFile] = [join(directory, "a.crt"), join(directory, "a.key")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const yaml = (text: string) =>
    `workers: 2\nlisteners: { web: { address: "127.0.0.1:0" }, safe: { address: "127.0.0.1:0", tls: { certificates: [{ cert: ${certFile}, key: ${keyFile} }] } } }\n` +
    `routes: [{ respond: { status: 200, body: ${text} } }]`;
  try {
    await using fairlead = await runFairlead(yaml("one"));
    const supervisor = fairlead.program.child.pid;
    using client = await rawClient(fairlead.port());
    await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

    for (const found of [await scrape(fairlead), await scrapeOpen(fairlead)]) {
      const value = (name: string, process: string) => found.value(`fairlead_process_${name}`, { process });
      for (const process of PROCESSES) {
        expect(value("cpu_seconds_total", process)).toBeGreaterThan(0);
        expect(value("resident_memory_bytes", process)).toBeGreaterThan(10 * 2 ** 20);
        expect(value("max_fds", process)).toBeGreaterThanOrEqual(value("open_fds", process));
        expect(Math.abs(value("start_time_seconds", process) - Date.now() / 1_000)).toBeLessThan(120);
      }
      const open = readdirSync(`/proc/${supervisor}/fd`).length;
      expect(Math.abs(value("open_fds", "supervisor") - open)).toBeLessThan(10);
      const certificate = { listener: "safe", certificate: certFile };
      expect(found.value("fairlead_certificate_not_after_seconds", certificate)).toBe(ENDS / 1_000);
      expect(found.value("fairlead_draining")).toBe(0);
      expect(found.value("fairlead_workers_draining")).toBe(0);
      expect(found.value("fairlead_workers_running")).toBe(2);
    }

    // A reload: everybody serves the next generation.
    const generations = async () => {
      const found = await scrape(fairlead);
      const workers = ["0", "1"].map((worker) =>
        found.value("fairlead_worker_config_generation", { worker }),
      );
      return [found.value("fairlead_config_generation"), ...workers];
    };
    const [first = 0, ...rest] = await generations();
    expect(rest).toEqual([first, first]);
    await fairlead.apply(yaml("two"));
    expect(await generations()).toEqual([first + 1, first + 1, first + 1]);

    // A worker that dies: its place goes on.
    const before = await scrape(fairlead);
    process.kill(fairlead.workers[0]!, "SIGKILL");
    await fairlead.program.until("worker_ready");
    const after = await scrape(fairlead);
    for (const process of PROCESSES) {
      const time = (found: Exposition) => found.value("fairlead_process_cpu_seconds_total", { process });
      expect(time(after)).toBeGreaterThanOrEqual(time(before));
    }
    expect(after.value("fairlead_worker_restarts_total")).toBe(1);
    const looks = (found: Exposition) => found.value("fairlead_worker_event_loop_delay_seconds_count");
    for (const end = performance.now() + 20_000; looks(await scrape(fairlead)) <= looks(after);)
      if (performance.now() > end) throw new Error("nobody looks at the event loops");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 60_000);
