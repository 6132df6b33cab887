/** Why somebody gets no decision: codes for programs, sentences for people, statuses for HTTP. */
import type { FeedbackResult } from "../feedback/reports.ts";
import type { NoDecision } from "../../../core/redirect/decision.ts";

export type RefusalCode =
  | NoDecision
  | "unknown_application"
  | "no_model"
  | "bad_parameters"
  | "unsupported_media_type"
  | "method_not_allowed"
  | "bad_handshake"
  | "wrong_websocket_version"
  | "draining"
  | "no_feedback"
  | Exclude<`feedback_${FeedbackResult}`, "feedback_accepted">;

const REFUSALS: Readonly<Record<RefusalCode, { readonly status: number; readonly message: string }>> = {
  unknown_application: { status: 404, message: "there is no such application" },
  no_model: { status: 503, message: "the application has no model yet" },
  no_default_server: { status: 503, message: "the model has no default server" },
  no_host: { status: 503, message: "no host is there" },
  wrong_family: { status: 503, message: "no host has an address of the wanted family" },
  malformed_url: { status: 503, message: "the rule's URL is malformed" },
  bad_parameters: { status: 400, message: "the parameters cannot be read" },
  unsupported_media_type: { status: 415, message: "expected application/json" },
  method_not_allowed: { status: 405, message: "expected GET or POST" },
  bad_handshake: { status: 400, message: "the opening of the WebSocket lacks a key of 16 bytes" },
  wrong_websocket_version: { status: 426, message: "expected version 13 of the WebSocket protocol" },
  draining: { status: 503, message: "this gateway is about to end" },
  no_feedback: { status: 404, message: "the application takes no feedback" },
  feedback_malformed: { status: 400, message: 'expected {"token": "…", "ok": true or false}' },
  feedback_forged: { status: 401, message: "the token is none of this application" },
  feedback_expired: { status: 401, message: "the token is too old" },
  feedback_replayed: { status: 409, message: "the token has been used" },
  feedback_limited: { status: 429, message: "too much feedback" },
};

/** What a refusal says, the same by whatever way it comes. */
export interface RefusalAnswer {
  readonly code: RefusalCode;
  readonly message: string;
}

export function refusal(
  code: RefusalCode,
  detail = "",
): { readonly status: number; readonly answer: RefusalAnswer } {
  const { status, message } = REFUSALS[code];
  return { status, answer: { code, message: detail === "" ? message : `${message}: ${detail}` } };
}
