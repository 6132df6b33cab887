/** What people say of stacks: one comment each, seen by all who may read them. */
import { stackCommentDocument } from "../../../../core/redirect/documents/service_documents.ts";
import type { Call } from "../http/call.ts";
import { document, type Endpoint } from "../http/endpoint.ts";
import { changeNotes } from "../notes.ts";
import { notesRecord } from "../records/kinds.ts";
import type { Service } from "../service.ts";
import { ServiceError } from "../service_error.ts";
import { servicePaths, stackNodes } from "../stack_paths.ts";

const PERMISSION = "stackComments";
const PATH = { path: "`/datacenter/zone`, or with a flavor behind it." };
const LONGEST_COMMENT = 4_000;

/** The path in the query. Rejects with ServiceError 400 for one that the application has no stack at. */
async function knownPath(call: Call, service: Service): Promise<string> {
  const path = call.query.get("path") ?? "";
  const { app, stacks, approved, next } = await service.view(call.app);
  const known = new Set([...approved.whitelist, ...next.whitelist]);
  for (const { stack, flavor } of stacks) known.add(stack).add(`${stack}/${flavor}`);
  if (known.has(path)) return path;
  // Stacks without hosts are left: they are asked for last, as that takes many reads.
  const nodes = await stackNodes(service.records, service.facts.services_root);
  const empty = nodes.filter((node) => node.app === app).map((node) => node.path);
  const paths = servicePaths(app, [], empty, []).stacks.map(({ value }) => value);
  if (paths.some((each) => each === path || (each.startsWith(`${path}/`) && path.split("/").length === 3)))
    return path;
  throw new ServiceError(400, `path: ${JSON.stringify(path)}; expected a stack of ${app}, such as /EU/z1`);
}

export const stackCommentEndpoints: readonly Endpoint[] = [
  {
    id: "getStackComment",
    method: "GET",
    path: "/stackComments/getOne/{app}",
    summary: "The comment on a stack, blank where there is none",
    permission: PERMISSION,
    query: PATH,
    gives: document("The comment."),
    async handle(call, service) {
      const path = await knownPath(call, service);
      const { value } = await service.records.read(notesRecord(call.app));
      const comment = Object.hasOwn(value.comments, path) ? value.comments[path]! : "";
      return call.give(stackCommentDocument, comment);
    },
  },
  {
    id: "saveStackComment",
    method: "POST",
    path: "/stackComments/post/{app}",
    summary: "Puts a comment on a stack; a blank one takes it away",
    permission: PERMISSION,
    query: PATH,
    takes: document("The comment."),
    gives: document("The comment."),
    status: 201,
    async handle(call, service) {
      const comment = call.document(stackCommentDocument);
      if (comment.length > LONGEST_COMMENT)
        throw new ServiceError(400, `the comment has more than ${LONGEST_COMMENT} characters`);
      const path = await knownPath(call, service);
      await changeNotes(service, call.app, call.act, {
        action: "comment",
        subject: `stack ${path}`,
        make: ({ comments: { [path]: _before, ...others } }) => ({
          comments: comment === "" ? others : { ...others, [path]: comment },
        }),
      });
      return call.give(stackCommentDocument, comment, 201);
    },
  },
];
