/** Test cases of an application: kept, run against the model that acts or the next one, and made from it. No request leaves. */
import { visibleAscii } from "../../gateway/answers.ts";
import { listed } from "../../../../core/redirect/checks/problem.ts";
import { runInSlices } from "../../../../platform/slices.ts";
import {
  type CaseResult,
  caseResultDocument,
  caseResultsDocument,
} from "../../../../core/redirect/documents/service_answers.ts";
import {
  type TestCase,
  testCaseDocument,
  testCasesDocument,
} from "../../../../core/redirect/documents/service_documents.ts";
import type { Decider } from "../../../../core/redirect/decider.ts";
import { runTestCase } from "../../../../core/redirect/trial/case_run.ts";
import { caseSlices } from "../../../../core/redirect/trial/generated_cases.ts";
import { giveJson, type ServiceAnswer } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint, json } from "../http/endpoint.ts";
import { changeNotes } from "../notes.ts";
import { notesRecord } from "../records/kinds.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { deciderOf } from "./decisions.ts";
import { expectWritable } from "./writable.ts";

const PERMISSION = "testSuite";
const NAME = /^[^,/\s]{1,200}$/;

/** The engine of the model that the path names. Rejects with ServiceError 400 for another word. */
async function deciderIn(call: Call, service: Service): Promise<Decider> {
  const mode = call.parameter("mode");
  if (mode !== "CURRENT" && mode !== "NEXT")
    throw new ServiceError(400, `${JSON.stringify(mode)}: expected CURRENT or NEXT`);
  return deciderOf(service, await service.view(call.app), mode === "NEXT");
}

async function casesOf(call: Call, service: Service): Promise<readonly TestCase[]> {
  await service.view(call.app);
  return (await service.records.read(notesRecord(call.app))).value.tests;
}

async function caseIn(call: Call, service: Service): Promise<TestCase> {
  const name = call.parameter("name");
  const found = (await casesOf(call, service)).find((each) => each.name === name);
  if (found === undefined) throw new ServiceError(404, `${call.app} has no test case ${name}`);
  return found;
}

function resultOf(decider: Decider, test: TestCase): CaseResult {
  const { status, actual, differences } = runTestCase(decider, test);
  const decided = typeof actual === "string" ? null : actual;
  return {
    test,
    status,
    actual: decided === null ? null : decided.parts,
    url_rules: decided?.url_rules ?? [],
    logs: differences,
  };
}

function* resultSlices(decider: Decider, cases: readonly TestCase[]): Generator<void, CaseResult[]> {
  const results: CaseResult[] = [];
  for (const test of cases) {
    results.push(resultOf(decider, test));
    yield;
  }
  return results;
}

/** Characters of names: with the rest of the head they fit what clients take. */
const MOST_WITHOUT_CHARACTERS = 4_000;

/** Names the rules that no case could be made for: as many as fit, and how many others there are. */
function withoutCases(answer: ServiceAnswer, rules: readonly string[]): ServiceAnswer {
  if (rules.length === 0) return answer;
  const names = rules.map(visibleAscii);
  let length = 0;
  const fitting = names.findIndex((name) => (length += name.length + 2) > MOST_WITHOUT_CHARACTERS);
  const named = listed(names, fitting < 0 ? names.length : fitting);
  return { ...answer, fields: `${answer.fields ?? ""}X-Fairlead-Without-Case: ${named}\r\n` };
}

const keeping: readonly Endpoint[] = [
  {
    id: "getTestCases",
    method: "GET",
    path: "/testSuite/{app}",
    summary: "All test cases",
    permission: PERMISSION,
    gives: document("The test cases."),
    async handle(call, service) {
      return call.give(testCasesDocument, await casesOf(call, service));
    },
  },
  {
    id: "exportTestCases",
    method: "GET",
    path: "/testSuite/export/{app}",
    summary: "All test cases as a file",
    permission: PERMISSION,
    gives: document("The file."),
    async handle(call, service) {
      const cases = await casesOf(call, service);
      return call.export(testCasesDocument, cases, `exportedTestCases-forService-${call.app}`);
    },
  },
  {
    id: "exportTestCase",
    method: "GET",
    path: "/testSuite/export/{app}/{name}",
    summary: "One test case as a file",
    permission: PERMISSION,
    gives: document("The file."),
    async handle(call, service) {
      const one = await caseIn(call, service);
      const name = `exportedTestCases-byId-${one.name}-forService-${call.app}`;
      return call.export(testCaseDocument, one, name);
    },
  },
  {
    id: "getTestCase",
    method: "GET",
    path: "/testSuite/{app}/{name}",
    summary: "One test case",
    permission: PERMISSION,
    gives: document("The test case."),
    async handle(call, service) {
      return call.give(testCaseDocument, await caseIn(call, service));
    },
  },
  {
    id: "saveTestCase",
    method: "POST",
    path: "/testSuite/{app}/{name}",
    summary: "Saves a test case",
    permission: PERMISSION,
    takes: document("The test case."),
    gives: document("The test case as it was saved."),
    status: 201,
    async handle(call, service) {
      const name = call.parameter("name");
      if (!NAME.test(name))
        throw new ServiceError(
          400,
          `${JSON.stringify(name)}: expected a name of at most 200 characters without commas, slashes and spaces`,
        );
      expectWritable("the name", name);
      const test = { ...call.document(testCaseDocument), name, application: call.app };
      await changeNotes(service, call.app, call.act, {
        action: "save test",
        subject: `test case ${name}`,
        make({ tests }) {
          const place = tests.findIndex((each) => each.name === name);
          return { tests: place < 0 ? [...tests, test] : tests.with(place, test) };
        },
      });
      return call.give(testCaseDocument, test, 201);
    },
  },
  {
    id: "deleteTestCases",
    method: "DELETE",
    path: "/testSuite/{app}/{names}",
    summary: "Deletes test cases; their names stand one behind the other, with commas between them",
    permission: PERMISSION,
    gives: json("Which were deleted, and which were not there."),
    async handle(call, service) {
      const names = new Set(call.parameter("names").split(","));
      let deleted: string[] = [];
      await changeNotes(service, call.app, call.act, {
        action: "delete tests",
        subject: `test cases ${[...names].join(", ")}`,
        make({ tests }) {
          deleted = tests.map(({ name }) => name).filter((name) => names.has(name));
          if (deleted.length === 0)
            throw new ServiceError(404, `${call.app} has no test case ${[...names].join(", ")}`);
          return { tests: tests.filter(({ name }) => !names.has(name)) };
        },
      });
      return giveJson({ deleted, notFound: [...names].filter((name) => !deleted.includes(name)) });
    },
  },
];

const running: readonly Endpoint[] = [
  {
    id: "runTestCase",
    method: "GET",
    path: "/testSuite/{app}/{name}/{mode}",
    summary: "Runs a test case against the model that acts (CURRENT) or the one with all changes (NEXT)",
    permission: PERMISSION,
    gives: document("The result."),
    async handle(call, service) {
      const decider = await deciderIn(call, service);
      return call.give(caseResultDocument, resultOf(decider, await caseIn(call, service)));
    },
  },
  {
    id: "runGeneratedTests",
    method: "GET",
    path: "/testSuite/runAuto/{app}/{mode}",
    summary: "Makes a test case for each rule and share, and runs it: CURRENT or NEXT",
    permission: PERMISSION,
    gives: document(
      "The results; X-Fairlead-Without-Case names rules that no client was found for, as many as fit.",
    ),
    async handle(call, service) {
      const decider = await deciderIn(call, service);
      const { cases, rules_without: without } = await runInSlices(caseSlices(decider));
      const results = await runInSlices(resultSlices(decider, cases));
      return withoutCases(call.give(caseResultsDocument, results), without);
    },
  },
  {
    id: "getGeneratedTests",
    method: "GET",
    path: "/endToEnd/testCases/{app}",
    summary: "Test cases that are made from the model that acts: one for each rule and share",
    permission: PERMISSION,
    gives: document(
      "The test cases; X-Fairlead-Without-Case names rules that no client was found for, as many as fit.",
    ),
    async handle(call, service) {
      const decider = await deciderOf(service, await service.view(call.app), false);
      const { cases, rules_without: without } = await runInSlices(caseSlices(decider));
      return withoutCases(call.give(testCasesDocument, cases), without);
    },
  },
];

export const trialCaseEndpoints: readonly Endpoint[] = [...keeping, ...running];
