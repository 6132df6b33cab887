/** What of a plan workers get: they steer and hold no secret that only the supervisor needs. */
import type { Plan, RedirectAppPlan, RedirectPlan } from "./plan.ts";

export function workerPlan<Part extends Pick<Plan, "redirect">>(plan: Part): Part {
  return plan.redirect === null ? plan : { ...plan, redirect: withoutSecrets(plan.redirect) };
}

/** Models, lists and settings of applications come to workers as documents. */
function withoutSecrets(redirect: RedirectPlan): RedirectPlan {
  const { store, service, defaults, apps } = redirect;
  return {
    ...redirect,
    store: { type: store.type, options: {} },
    service: { ...service, tokens: [], oidc: null },
    defaults: withoutSecret(defaults),
    apps: Object.fromEntries(Object.entries(apps).map(([name, app]) => [name, withoutSecret(app)])),
  };
}

function withoutSecret(app: RedirectAppPlan): RedirectAppPlan {
  return app.feedback === null ? app : { ...app, feedback: { ...app.feedback, secret: null } };
}
