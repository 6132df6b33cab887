import { expect, test } from "bun:test";
import { DEFAULT_REDIRECT, DEFAULT_REDIRECT_APP, DEFAULT_REDIRECT_SERVICE } from "../core/defaults.ts";
import type { RedirectPlan } from "../core/plan.ts";
import { planOf } from "../core/test_plan.ts";
import { snapshotParts } from "./snapshot_parts.ts";

const SECRET = "do-not-tell";
const FEEDBACK = { secret: SECRET, max_age_ms: 1, per_address: 1, per_app: 1 };

const REDIRECT: RedirectPlan = {
  store: { type: "zookeeper", options: { auth: SECRET } },
  max_model_bytes: 1,
  trusted_from: {},
  discovery: DEFAULT_REDIRECT.discovery,
  last_known_good: { path: "/nowhere", generations: 3 },
  session_traces: null,
  service: {
    address: null,
    tokens: [{ name: "ann", token_sha256: SECRET, granted: [] }],
    anonymous: [],
    oidc: {
      ...DEFAULT_REDIRECT_SERVICE.oidc,
      issuer: "https://login.example.com",
      audience: "a",
      client_id: "c",
      client_secret: SECRET,
      redirect_uri: null,
      roles: {},
    },
    self_approval: false,
    session_ms: 1,
    revisions: 1,
  },
  defaults: { ...DEFAULT_REDIRECT_APP, feedback: FEEDBACK },
  apps: { a1: { ...DEFAULT_REDIRECT_APP, feedback: FEEDBACK } },
};

test("secrets of the redirector stay in the supervisor: workers get a plan without them", () => {
  const plan = { ...planOf([]), redirect: REDIRECT };
  const state = { files: {}, health: {}, members: {}, overrides: {}, documents: {} };
  const parts = [...snapshotParts({ generation: 1, plan, ...state })].join("\n");
  expect(parts).toContain('"redirect":{');
  expect(parts).not.toContain(SECRET);
});
