/** Ends a call of the management service: the message is the sentence that the caller gets. */
export class ServiceError extends Error {
  readonly status: number;
  /** For programs: a code of the catalogue of checks, or of an acceptance; null = the status says it all. */
  readonly code: string | null;
  /** What else is wrong, one sentence each. */
  readonly problems: readonly ServiceProblem[];
  /** Lines of the answer's head, each with its end. */
  readonly fields: string;

  constructor(
    status: number,
    message: string,
    more: {
      readonly code?: string;
      readonly problems?: readonly ServiceProblem[];
      readonly fields?: string;
    } = {},
  ) {
    super(message);
    this.name = "ServiceError";
    this.status = status;
    this.code = more.code ?? null;
    this.problems = more.problems ?? [];
    this.fields = more.fields ?? "";
  }
}

export interface ServiceProblem {
  readonly code: string | null;
  readonly message: string;
}

/** Refuses with 400 and everything that is wrong, one line each with its code before it. `problems` has at least one. */
export function refusedWith(problems: readonly ServiceProblem[]): ServiceError {
  const lines = problems.map(({ code, message }) => (code === null ? message : `${code}: ${message}`));
  const code = problems.find((problem) => problem.code !== null)?.code ?? null;
  return new ServiceError(400, lines.join("\n"), { problems, ...(code !== null && { code }) });
}
