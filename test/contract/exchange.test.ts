/**
 * The contract of exchanges, kept by every codec: the same cases run over HTTP/1 on a socket and over a codec in memory
 * that exists for this alone. What passes here holds for codecs to come.
 */
import { describe, expect, test } from "bun:test";
import type { HttpProgram } from "../../src/planes/http/program.ts";
import { FakeStream } from "../support/fake_codec.ts";
import { startFairlead, until, type Fairlead } from "../support/fairlead.ts";
import { rawClient, type Answer, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginHandler } from "../support/raw_origin.ts";

interface Outcome {
  readonly status: number;
  readonly body: string;
  /** The client can tell that the answer is not complete. */
  readonly broken: boolean;
  readonly interim: readonly number[];
  readonly trailers: readonly (readonly [string, string])[];
  field(name: string): string | null;
}

/** A request under way, whatever carries it. */
interface Conversation {
  send(text: string): void;
  end(): void;
  abort(): void;
  outcome(): Promise<Outcome>;
  [Symbol.dispose](): void;
}

type Open = (
  fairlead: Fairlead,
  method: string,
  target: string,
  body: "none" | "streamed",
) => Promise<Conversation>;

const openFake: Open = async (fairlead, method, target, body) => {
  const { plane } = fairlead.instance.program as HttpProgram;
  const stream = new FakeStream(plane, {
    method,
    target,
    host: "a.example",
    length: body === "none" ? 0 : -1,
  });
  return {
    send: (text) => void stream.send(text),
    end: () => stream.end(),
    abort: () => stream.abort(),
    async outcome() {
      await until(() => stream.ended || stream.wasCut, "the exchange ends");
      return {
        status: stream.status,
        body: stream.body,
        broken: stream.wasCut,
        interim: stream.interim,
        trailers: stream.trailers,
        field: (name) => stream.fields.find(([key]) => key.toLowerCase() === name)?.[1] ?? null,
      };
    },
    [Symbol.dispose]: () => stream.abort(),
  };
};

const openSocket: Open = async (fairlead, method, target, body) => {
  const client = await rawClient(fairlead.port());
  const framing = body === "none" ? "" : "Transfer-Encoding: chunked\r\n";
  client.send(
    `${method} ${target} HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nConnection: TE\r\n${framing}\r\n`,
  );
  return {
    send: (text) => client.send(`${text.length.toString(16)}\r\n${text}\r\n`),
    end: () => client.send("0\r\n\r\n"),
    abort: () => client.socket.resetAndDestroy(),
    outcome: () => socketOutcome(client, method),
    [Symbol.dispose]: () => client.close(),
  };
};

async function socketOutcome(client: RawClient, method: string): Promise<Outcome> {
  const interim: number[] = [];
  for (;;) {
    let answer: Answer;
    try {
      answer = await client.answer({ head: method === "HEAD" });
    } catch {
      return { status: 0, body: "", broken: true, interim, trailers: [], field: () => null };
    }
    if (answer.status >= 200 || answer.status === 101) {
      const { status, body, trailers } = answer;
      return {
        status,
        body: body.toString("latin1"),
        broken: false,
        interim,
        trailers,
        field: (name) => answer.get(name),
      };
    }
    interim.push(answer.status);
  }
}

for (const [name, open] of [
  ["HTTP/1 on a socket", openSocket],
  ["a codec in memory", openFake],
] as const) {
  describe(name, () => {
    async function against(
      handler: OriginHandler,
      run: (fairlead: Fairlead, origin: Awaited<ReturnType<typeof rawOrigin>>) => Promise<void>,
      top = "",
    ) {
      using origin = await rawOrigin(handler);
      await using fairlead = await startFairlead(
        `pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes:
  - { match: "Path(\`/own\`)", respond: { status: 203, body: own } }
  - { pool: app }
${top}`,
      );
      await run(fairlead, origin);
    }

    test("an answer passes with its status, fields and body", async () => {
      await against(
        () => answerText("hello", 201, "X-One: 1\r\n"),
        async (fairlead, origin) => {
          using it = await open(fairlead, "GET", "/a?b=c", "none");
          const outcome = await it.outcome();
          expect([outcome.status, outcome.body, outcome.field("x-one")]).toEqual([201, "hello", "1"]);
          expect(outcome.field("via")).toContain("fairlead");
          const [request] = origin.requests;
          expect([request!.method, request!.target, request!.get("host")]).toEqual([
            "GET",
            "/a?b=c",
            "a.example",
          ]);
          expect(request!.get("x-request-id")).toMatch(/^[0-9a-f]{32}$/);
        },
      );
    });

    test("a streamed body arrives whole", async () => {
      await against(
        (request) => answerText(request.body.toString("latin1")),
        async (fairlead) => {
          using it = await open(fairlead, "POST", "/", "streamed");
          for (let index = 0; index < 100; index++) it.send(`part ${index};`);
          it.end();
          const { body } = await it.outcome();
          expect(body).toBe(Array.from({ length: 100 }, (_, index) => `part ${index};`).join(""));
        },
      );
    });

    test("an answer of our own needs no backend", async () => {
      await against(
        () => answerText("never"),
        async (fairlead, origin) => {
          using it = await open(fairlead, "GET", "/own", "none");
          const outcome = await it.outcome();
          expect([outcome.status, outcome.body]).toEqual([203, "own"]);
          expect(origin.requests.length).toBe(0);
        },
      );
    });

    test("interim answers come before the final one", async () => {
      await against(
        () => `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${answerText("end")}`,
        async (fairlead) => {
          using it = await open(fairlead, "GET", "/", "none");
          const outcome = await it.outcome();
          expect([outcome.interim, outcome.status]).toEqual([[103], 200]);
        },
      );
    });

    test("trailers of an answer pass", async () => {
      await against(
        () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n",
        async (fairlead) => {
          using it = await open(fairlead, "GET", "/", "none");
          const outcome = await it.outcome();
          expect([outcome.body, outcome.trailers]).toEqual(["x", [["X-Sum", "1"]]]);
        },
      );
    });

    test("a backend that dies inside its answer breaks the client's", async () => {
      await against(
        (_, connection) => connection.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        async (fairlead) => {
          using it = await open(fairlead, "GET", "/", "none");
          expect((await it.outcome()).broken).toBe(true);
          expect((await fairlead.log(1))[0]!["reason"]).toBe("FL_UPSTREAM_TRUNCATED");
        },
      );
    });

    test("a client that goes away ends the request at the backend", async () => {
      await against(
        () => undefined,
        async (fairlead, origin) => {
          using it = await open(fairlead, "POST", "/", "streamed");
          it.send("begun");
          await until(
            () => origin.connections[0]?.everything.includes("begun") === true,
            "the backend has the beginning",
          );
          it.abort();
          await until(() => origin.connections[0]!.closed, "the backend's connection ends");
          expect(origin.connections[0]!.everything.toString("latin1")).not.toContain("\r\n0\r\n\r\n");
          expect((await fairlead.log(1))[0]!["reason"]).toBe("FL_CLIENT_ABORT");
        },
      );
    });

    test("an answer that comes before the end of the request is delivered", async () => {
      using origin = await rawOrigin(undefined, {
        onData(connection) {
          if (connection.received.length > 0) return true;
          connection.received = Buffer.from("answered");
          connection.send(answerText("no more", 413));
          return true;
        },
      });
      await using fairlead = await startFairlead(
        `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
      );
      using it = await open(fairlead, "POST", "/", "streamed");
      it.send("some");
      const outcome = await it.outcome();
      expect([outcome.status, outcome.body]).toEqual([413, "no more"]);
    });

    test("a refused connection becomes 502 and the log says why", async () => {
      const origin = await rawOrigin();
      const { url } = origin;
      origin.close();
      await using fairlead = await startFairlead(
        `pools: { app: { backends: [{ url: "${url}" }] } }\nroutes: [{ pool: app }]`,
      );
      using it = await open(fairlead, "GET", "/", "none");
      expect((await it.outcome()).status).toBe(502);
      expect((await fairlead.log(1))[0]!["reason"]).toBe("FL_CONNECT_REFUSED");
    });
  });
}
