/** Every operation of the admin API. One more is a file beside this one and a line here. */
import type { Operation } from "../operation.ts";
import { adminHealthOperation } from "./admin_health.ts";
import * as backends from "./backends.ts";
import { configurationOperation } from "./configuration.ts";
import { explainOperation } from "./explain.ts";
import { healthOperation } from "./health.ts";
import { hostsOperation } from "./hosts.ts";
import { metricsOperation } from "./metrics.ts";
import { openApiOperation } from "./openapi.ts";
import { reloadOperation } from "./reload.ts";
import { statusOperation } from "./status.ts";

/** Those that a metrics address serves. */
export const METRICS_OPERATIONS: readonly Operation[] = [healthOperation, metricsOperation];

export const OPERATIONS: readonly Operation[] = [
  ...METRICS_OPERATIONS,
  adminHealthOperation,
  statusOperation,
  hostsOperation,
  backends.listBackends,
  backends.getBackend,
  backends.enableBackend,
  backends.drainBackend,
  backends.disableBackend,
  backends.weighBackend,
  backends.resetBackend,
  configurationOperation,
  reloadOperation,
  explainOperation,
  openApiOperation(() => OPERATIONS),
];
