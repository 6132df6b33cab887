import { z } from "zod";
import { size } from "../../../../core/schema/size.ts";
import type { MiddlewarePart } from "../contract.ts";

const schema = z.strictObject({
  max_request_body_bytes: size().prefault("0").meta({
    description: "A larger request body is answered with 413; 0 = no limit.",
  }),
});

export type BufferingOptions = z.output<typeof schema>;

export const bufferingPart: MiddlewarePart<BufferingOptions> = {
  name: "buffering",
  summary: "Limits the size of request bodies, which are passed on as they come.",
  schema,
};
