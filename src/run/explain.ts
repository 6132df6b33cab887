/** Questions about the way of a request: the supervisor knows the listeners, and one of its workers the rest. */
import type { AskedRequest, Explanation, PlaneExplanation } from "../core/explain/answer.ts";
import { chooseListener, type OpenListener } from "../core/explain/choose_listener.ts";
import {
  parseAskedUrl,
  parseQuestion,
  peerAddress,
  requestHead,
  serverNameOf,
  type GivenQuestion,
} from "../core/explain/question.ts";
import type { ControlHandler, ControlRequest } from "./control_socket.ts";

/** One worker that can be asked. */
export interface AskedWorker {
  readonly index: number;
  readonly pid: number;
  explain(request: AskedRequest): Promise<PlaneExplanation>;
}

const DEFAULT_PEER = "127.0.0.1";

/**
 * Asks `worker` about `given`. Rejects with QuestionError, whose message is one sentence, for what cannot be asked, and
 * with Error when the worker cannot answer.
 */
export async function explainBy(
  worker: AskedWorker,
  listeners: readonly OpenListener[],
  given: GivenQuestion,
): Promise<Explanation> {
  const question = parseQuestion(given);
  const url = parseAskedUrl(question.url);
  const { listener, why, others } = chooseListener(listeners, url, question.listener);
  const { name, address, port, tls } = listener;
  const { from } = question;
  const peer = from === null ? (port === 0 ? "" : DEFAULT_PEER) : peerAddress(from);
  const answer = await worker.explain({
    listener: name,
    port,
    peer,
    server_name: serverNameOf(url),
    head: requestHead(question, url),
  });
  const notes = url.fragment
    ? ["what follows # in a URL stays with the client", ...answer.notes]
    : answer.notes;
  const { index, pid } = worker;
  const where = { name, address, port, tls, why, others: [...others] };
  return { ...answer, notes, worker: { index, pid }, listener: where };
}

/** The part of the supervisor that answers the command `explain` of the control socket. */
export class ExplainPart {
  readonly commands: Readonly<Record<string, ControlHandler>>;

  constructor(supervisor: { explain(question: GivenQuestion): Promise<Explanation> }) {
    this.commands = {
      async explain(request) {
        const { command: _command, ...question } = request as ControlRequest & GivenQuestion;
        return { ok: true, explanation: await supervisor.explain(question) };
      },
    };
  }

  planChanged(): void {}

  stop(): void {}
}
