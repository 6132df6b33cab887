/** What the configuration says of an application. */
import type { RedirectAppPlan, RedirectFeedbackPlan, RedirectPlan } from "../../core/plan.ts";
import type { FeedbackSettings } from "./feedback/app_feedback.ts";
import { strategyNames } from "./gateway/app_decider.ts";
import type { PublishedOptions } from "./gateway/published.ts";

export function appPlan({ apps, defaults }: RedirectPlan, app: string): RedirectAppPlan {
  return Object.hasOwn(apps, app) ? apps[app]! : defaults;
}

export function staticApplications({ apps }: RedirectPlan): ReadonlySet<string> {
  return new Set(Object.keys(apps).filter((app) => apps[app]!.discovery === "static"));
}

/** As workers get it. `feedbackKey` signs tokens of applications that name no secret. */
export function publishedOptions(plan: RedirectPlan, app: string, feedbackKey: string): PublishedOptions {
  const {
    discovery: _discovery,
    health_check: _health_check,
    strategy,
    affinity,
    feedback,
    ...rest
  } = appPlan(plan, app);
  return {
    ...rest,
    ...strategyNames({ strategy, affinity }),
    feedback: feedback === null ? null : feedbackSettings(feedback, feedbackKey),
  };
}

function feedbackSettings({ secret, ...rest }: RedirectFeedbackPlan, ownKey: string): FeedbackSettings {
  return { key: secret ?? ownKey, ...rest };
}
