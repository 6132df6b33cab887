import { explanationSchema } from "../../core/explain/answer.ts";
import { explainQuestionSchema, QuestionError } from "../../core/explain/question.ts";
import { named } from "../named_schemas.ts";
import { operation } from "../operation.ts";
import { AdminError } from "../problem.ts";

export const explainOperation = operation({
  id: "explain",
  method: "POST",
  paths: ["/admin/explain"],
  summary: "Which way a request would take, and why",
  description:
    "Answered by the plan that acts in one of the workers. Nothing is sent, and no counter, log, turn or limit is touched.",
  body: named("ExplainQuestion", explainQuestionSchema),
  answers: {
    200: { description: "The way of the request.", schema: named("Explanation", explanationSchema) },
  },
  async handle({ body }, services) {
    try {
      return { status: 200, body: await services.explain(body) };
    } catch (error) {
      if (error instanceof QuestionError) throw new AdminError(400, error.message);
      throw error;
    }
  },
});
