/** Dumps without secrets. */
import type { z } from "zod";
import type { MiddlewarePlan, Plan, RedirectServicePlan } from "../core/plan.ts";
import type { ConfigPart, ConfigParts } from "./parts.ts";
import { isMap } from "./plain_value.ts";
import { mapMarked } from "./schema_walk.ts";

/** What stands in place of a secret. */
export const REDACTED = "REDACTED";

/** `value` with everything that `schema` marks as secret replaced; `value` itself stays as it is. */
export function redact(schema: z.ZodType, value: unknown): unknown {
  return mapMarked(schema, value, (inner, meta) => (meta.secret === true ? REDACTED : inner));
}

const USERINFO = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#"']*@/gi;

/** A value as it was written, without the userinfo of URLs, which no setting takes but users may try. */
export function withoutUserinfo(value: unknown): unknown {
  return typeof value === "string" ? value.replace(USERINFO, `$1${REDACTED}@`) : value;
}

/** A plan for logs, dumps and the admin API: options of parts without their secrets. */
export function redactPlan(plan: Plan, parts: ConfigParts): Plan {
  const options = (list: readonly ConfigPart[], name: string, value: Readonly<Record<string, unknown>>) => {
    const part = list.find((one) => one.name === name);
    // A part that is not known cannot say what is secret.
    if (part === undefined) return {};
    const clean = redact(part.schema, value);
    return isMap(clean) ? clean : {};
  };
  const middleware = (step: MiddlewarePlan): MiddlewarePlan => ({
    ...step,
    options: options(parts.middlewares, step.kind, step.options),
  });
  return {
    ...plan,
    redirect:
      plan.redirect === null
        ? null
        : {
            ...plan.redirect,
            store: {
              ...plan.redirect.store,
              options: options(parts.stores ?? [], plan.redirect.store.type, plan.redirect.store.options),
            },
            service: redactService(plan.redirect.service),
          },
    pools: plan.pools.map((pool) => ({
      ...pool,
      strategy: {
        ...pool.strategy,
        options: {
          ...options(parts.strategies, pool.strategy.name, pool.strategy.options),
          ...(pool.strategy.options["hash_on"] === undefined
            ? {}
            : { hash_on: pool.strategy.options["hash_on"] }),
        },
      },
      health_check:
        pool.health_check === null
          ? null
          : {
              ...pool.health_check,
              options: options(parts.probes, pool.health_check.type, pool.health_check.options),
            },
    })),
    routes: plan.routes.map((route) => ({ ...route, middlewares: route.middlewares.map(middleware) })),
  };
}

function redactService(service: RedirectServicePlan): RedirectServicePlan {
  const { oidc } = service;
  if (oidc === null || oidc.client_secret === null) return service;
  return { ...service, oidc: { ...oidc, client_secret: REDACTED } };
}
