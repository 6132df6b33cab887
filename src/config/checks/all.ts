/** Every check that looks at more than one value. They run beside the schema, so that all errors are told at once. */
import type { Finding } from "../finding.ts";
import type { ConfigParts } from "../parts.ts";
import { checkAccounts } from "./accounts.ts";
import { checkAdmin } from "./admin_checks.ts";
import { checkDuplicates } from "./duplicates.ts";
import { checkHosts } from "./hosts_checks.ts";
import { checkListeners } from "./listener_checks.ts";
import { checkPools } from "./pool_checks.ts";
import { checkRedirect } from "./redirect_checks.ts";
import { checkRedirectService } from "./redirect_service_checks.ts";
import { checkReferences } from "./references.ts";
import { checkRules } from "./rule_checks.ts";

export function runChecks(root: unknown, parts: ConfigParts): Finding[] {
  return [
    ...checkReferences(root),
    ...checkDuplicates(root),
    ...checkListeners(root),
    ...checkAdmin(root),
    ...checkPools(root, parts),
    ...checkHosts(root, parts),
    ...checkRedirect(root),
    ...checkRedirectService(root),
    ...checkRules(root, parts),
    ...checkAccounts(root, parts),
  ];
}
