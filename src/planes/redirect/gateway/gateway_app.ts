/** What the gateway of a worker knows of an application. */
import type { Decider } from "../../../core/redirect/decider.ts";
import type { AppFeedback } from "../feedback/app_feedback.ts";
import type { AnswerOptions } from "./answers.ts";

export interface GatewayApp {
  readonly name: string;
  /** Null while no model is known: clients are told to come again. */
  readonly decider: Decider | null;
  /** Of the model. */
  readonly version: number;
  readonly options: AnswerOptions;
  /** Null where clients may not say how they fared. */
  readonly feedback: AppFeedback | null;
}
