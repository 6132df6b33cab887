/** The ends of connections: nothing that was answered is lost, and nobody who has connected is turned away. */
import { expect, test } from "bun:test";
import { startFairlead, until } from "../support/fairlead.ts";
import { rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { runFairlead } from "./processes_program.ts";

const PATIENCE = { timeout: 60_000 };

/** State of a process as /proc tells it: T = stopped. */
async function isStopped(pid: number): Promise<boolean> {
  return /^State:\s+T/m.test(await Bun.file(`/proc/${pid}/status`).text());
}

test(
  "an answer arrives although the client has sent more that nobody has read when the connection ends",
  async () => {
    const answers: (() => void)[] = [];
    using origin = await rawOrigin(
      () => new Promise((resolve) => answers.push(() => resolve(answerText("the answer")))),
    );
    await using fairlead = await runFairlead(
      `workers: 1\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
    );
    const [worker] = fairlead.workers as [number];
    for (const line of ["HTTP/1.0\r\n", "HTTP/1.1\r\nConnection: close\r\n"]) {
      for (const more of ["\r\n", "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"]) {
        for (let round = 0; round < 4; round++) {
          using client = await rawClient(fairlead.port());
          client.send(`GET / ${line}Host: a\r\n\r\n`);
          await until(() => answers.length === 1, "the origin has the request");
          // The worker finds both at once: the answer of the backend, and what the client sent after its request.
          process.kill(worker, "SIGSTOP");
          while (!(await isStopped(worker))) await Bun.sleep(1);
          answers.pop()!();
          client.send(more);
          await until(() => client.socket.writableLength === 0, "the client has sent it");
          process.kill(worker, "SIGCONT");
          expect((await client.answer()).body.toString()).toBe("the answer");
          await client.end();
        }
      }
    }
  },
  PATIENCE,
);

test("a client that was answered early may end its side instead of sending the rest of its body", async () => {
  using origin = await rawOrigin(undefined, {
    onData(connection) {
      connection.send(answerText("early"));
      return true;
    },
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  const answer = await client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
  expect([answer.body.toString(), answer.get("connection")]).toEqual(["early", null]);
  client.socket.end();
  await client.end();
  expect([client.ended, client.reset]).toEqual([true, false]);
  expect((await fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "-" });
});

test("a client that was answered early may break off, or be slow: its answer was whole, so the log has no reason", async () => {
  using origin = await rawOrigin(undefined, {
    onData(connection) {
      connection.send(answerText("early"));
      return true;
    },
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\nlimits: { minimum_rate: 1MB, minimum_rate_grace: 1s }`,
  );
  for (const isSlow of [false, true]) {
    using client = await rawClient(fairlead.port());
    const answer = await client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    expect(answer.body.toString()).toBe("early");
    if (isSlow) await client.end();
    else client.socket.resetAndDestroy();
    const line = (await fairlead.log(isSlow ? 2 : 1)).at(-1);
    expect(line).toMatchObject({ status: 200, reason: "-" });
  }
  expect(fairlead.metric("request_errors_total")).toBe(0);
});

test(
  "clients that have connected and said nothing are served when their listener goes away",
  async () => {
    const yaml = (listeners: string): string =>
      `workers: 2\nlisteners: { ${listeners} }\nroutes: [{ respond: { status: 200, body: here } }]`;
    const web = `web: { address: "127.0.0.1:0" }`;
    await using fairlead = await runFairlead(yaml(`${web}, other: { address: "127.0.0.1:0" }`));
    const port = fairlead.port("other");
    const clients: RawClient[] = [];
    for (let index = 0; index < 10; index++) clients.push(await rawClient(port));
    fairlead.write(yaml(web));
    fairlead.signal("SIGHUP");
    await fairlead.program.until("reloaded");
    try {
      for (const client of clients) {
        const answer = await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        expect([answer.status, answer.body.toString()]).toEqual([200, "here"]);
      }
    } finally {
      for (const client of clients) client.close();
    }
  },
  PATIENCE,
);
