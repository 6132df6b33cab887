/** What an import brings, for operators. */
import type { OriginalApplication, OriginalInstallation } from "./original_installation.ts";

export interface ApplicationCounts {
  readonly app: string;
  /** Null: there is no model. */
  readonly version: number | null;
  readonly rules: number;
  readonly url_rules: number;
  readonly templates: number;
  readonly shares: number;
  readonly whitelist: number;
  readonly pending: number;
  readonly offline: number;
  readonly tests: number;
  readonly comments: number;
  readonly whitelist_updates: number;
}

export function countsOf({ applications }: OriginalInstallation): ApplicationCounts[] {
  return applications.map(applicationCounts);
}

function applicationCounts(application: OriginalApplication): ApplicationCounts {
  const { name, model, version, pending, offline, tests, comments, whitelist_updates } = application;
  return {
    app: name,
    version: model === null ? null : version,
    rules: model?.rules.length ?? 0,
    url_rules: model?.url_rules.length ?? 0,
    templates: (model?.rule_templates.length ?? 0) + (model?.url_rule_templates.length ?? 0),
    shares: model?.distribution.length ?? 0,
    whitelist: model?.whitelist.length ?? 0,
    pending: pending.length,
    offline: offline?.length ?? 0,
    tests: tests.length,
    comments: Object.keys(comments).length,
    whitelist_updates: whitelist_updates.length,
  };
}

/** Frozen hosts are the original's default for this one. */
const STATIC = "xreGuide";

/** The settings with which these applications decide as they did. */
export function configurationText(applications: readonly string[]): string {
  const lines = applications.map((name) => {
    const key = /^[A-Za-z_][\w-]*$/.test(name) ? name : JSON.stringify(name);
    return `    ${key}: { compat: redirector-1${name === STATIC ? ", discovery: static" : ""} }\n`;
  });
  return lines.length === 0 ? "redirect: {}\n" : `redirect:\n  apps:\n${lines.join("")}`;
}
