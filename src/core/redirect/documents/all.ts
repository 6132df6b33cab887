/** Every kind of document of the original that is read and written here. */
import { distributionDocument, distributionWithDefaultDocument } from "./distribution.ts";
import { applicationsDocument, modelMetadataDocument, stacksDocument } from "./gateway_files.ts";
import type { DocumentKind } from "./kind.ts";
import { listChangesDocument } from "./list_changes.ts";
import { gatewayListsDocument, namedListDocument, namedListsDocument } from "./named_lists.ts";
import { pendingChangesDocument } from "./pending_changes.ts";
import {
  ruleDocument,
  rulesDocument,
  selectServerDocument,
  urlRuleDocument,
  urlRulesDocument,
} from "./rule_documents.ts";
import { serverDocument } from "./servers.ts";
import {
  servicePathsDocument,
  settingsDocument,
  stackCommentDocument,
  testCaseDocument,
  testCasesDocument,
} from "./service_documents.ts";
import { trafficQuestionDocument } from "./traffic.ts";
import { defaultUrlDocument } from "./url_params.ts";
import { whitelistDocument, whitelistUpdatesDocument } from "./whitelist.ts";

/** Whoever walks over them all gives each the values that it has read itself. */
export const documentKinds: readonly DocumentKind<unknown>[] = [
  ruleDocument(),
  rulesDocument,
  selectServerDocument,
  urlRuleDocument(),
  urlRulesDocument,
  serverDocument,
  defaultUrlDocument,
  distributionDocument,
  distributionWithDefaultDocument,
  whitelistDocument,
  whitelistUpdatesDocument,
  pendingChangesDocument,
  namedListDocument(),
  namedListsDocument,
  gatewayListsDocument,
  listChangesDocument,
  applicationsDocument,
  modelMetadataDocument,
  stacksDocument,
  settingsDocument,
  servicePathsDocument,
  testCaseDocument,
  testCasesDocument,
  stackCommentDocument,
  trafficQuestionDocument,
];
