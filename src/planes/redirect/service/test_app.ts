/** The application `a1` of the acceptance rows, for tests of the management service. */
import { expect } from "bun:test";
import { stack, type TestAnswer, TestService, type TestServiceOptions } from "./test_service.ts";

export const ANN = "ann:editor";
export const BOB = "bob:approver";
export const ROOT = "root:admin";
const TEMPLATE = "{protocol}://{host}:{port}/{urn}";

/** A server that stands for hosts. */
export const server = (path: string, name = "default"): object => ({ name, url: TEMPLATE, path });
export const literal = (url: string, name = "literal"): object => ({ name, url });

/** Leads clients with this operating system to a path. */
export const osRule = (value: string, path = "1.0"): object => ({
  equals: [{ param: "os", value }],
  return: { server: [server(path, "beta")] },
});

export const URL_PARAMS = {
  urlRule: { urn: "app", protocol: "http", port: "8080", ipProtocolVersion: "4" },
};

/** With one host of `a1`, and whatever else the options say. */
export function started(open: TestService[], options: TestServiceOptions = {}): TestService {
  const service = new TestService({ stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1")] }, ...options });
  open.push(service);
  return service;
}

/** Saves as an editor, which must succeed. */
export async function saved(service: TestService, target: string, body: unknown): Promise<TestAnswer> {
  const answer = await service.ask(ANN, "POST", target, { body });
  expect(answer, answer.text).toMatchObject({ status: 201 });
  return answer;
}

/** Approves all that is pending of `a1`, by somebody else than its author. */
export async function approved(service: TestService): Promise<void> {
  const version = (await service.ask(BOB, "GET", "/changes/a1")).version();
  const answer = await service.ask(BOB, "POST", `/changes/a1/approve/${version}`);
  expect(answer, answer.text).toMatchObject({ status: 200 });
}

/** An approved model that redirects. */
export async function withModel(service: TestService, flavor = "1.0"): Promise<void> {
  await saved(service, "/whitelist/a1", { paths: ["/EU/z1"] });
  await saved(service, "/servers/a1/default", server(flavor));
  await saved(service, "/urlRules/a1/urlParams/default", URL_PARAMS);
  await approved(service);
}

/** The codes that a refusal names, each at the beginning of its line. */
export function codesOf({ text }: TestAnswer): string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(":", 1)[0]!);
}
