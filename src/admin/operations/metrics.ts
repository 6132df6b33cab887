import { EXPOSITION_FORMATS } from "../../observe/exposition_format.ts";
import { operation } from "../operation.ts";
import { metricsText } from "../schemas.ts";

export const metricsOperation = operation({
  id: "getMetrics",
  method: "GET",
  paths: ["/metrics"],
  summary: "All metrics, for Prometheus",
  ignoresQuery: true,
  answers: {
    200: {
      description: "Every series.",
      types: EXPOSITION_FORMATS.map(({ contentType }) => contentType),
      schema: metricsText,
    },
  },
  async handle(request, services) {
    return { status: 200, ...(await services.metrics(request)) };
  },
});
