import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { askJson } from "./ask_json.ts";

const seen: string[] = [];
const server = createServer((request, response) => {
  seen.push(request.url!);
  if (request.url === "/moved") response.writeHead(307, { location: "/elsewhere" }).end();
  else if (request.url === "/endless") {
    const chunk = Buffer.alloc(65_536, " ");
    const write = (): void => {
      while (response.writable && response.write(chunk));
    };
    response.on("drain", write);
    write();
  } else response.writeHead(400).end('{"error":"invalid_grant"}');
});
let origin = "";
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

test("an answer comes with its status, whatever that is", async () => {
  expect(await askJson(fetch, `${origin}/token`)).toEqual({ status: 400, body: { error: "invalid_grant" } });
});

test("no redirect is followed: a secret would go along", async () => {
  const secret = { method: "POST", headers: { authorization: "Basic x" }, body: "code=1" };
  const failed = await askJson(fetch, `${origin}/moved`, secret).then(
    () => false,
    () => true,
  );
  expect([failed, seen.includes("/elsewhere")]).toEqual([true, false]);
});

test("an answer without an end is left at 1 MiB", async () => {
  const message = await askJson(fetch, `${origin}/endless`).catch((error: Error) => error.message);
  expect(message).toBe("the answer is larger than 1048576 bytes");
});
