/** The first model of an application that has hosts and nothing else: all clients to the first stack that has any. */
import { acceptance } from "../../../core/redirect/checks/acceptance.ts";
import type { FirstModelDetails } from "../../../core/redirect/documents/service_answers.ts";
import type { Host, StackHosts } from "../../../core/redirect/hosts.ts";
import {
  EMPTY_MODEL,
  type RedirectModel,
  TEMPLATE_URL,
  type UrlParams,
} from "../../../core/redirect/model.ts";
import type { AppView } from "./app_view.ts";
import { minHostsOf } from "../../../core/redirect/checks/settings.ts";
import { SETTINGS_RECORD } from "./records/kinds.ts";
import type { Records } from "./records/records.ts";
import { ServiceError } from "./service_error.ts";

/** The original's. */
const URL_PARAMS: UrlParams = { urn: "shell", protocol: "http", port: 10_001, ip_version: 4 };

interface ActiveStack extends StackHosts {
  readonly host: Host & { readonly ipv4: string };
}

/** The first stack, by path, with a host that takes traffic and has an address of the family. Throws ServiceError 503 for none. */
function firstActiveStack({ app, stacks }: AppView): ActiveStack {
  const active = stacks.flatMap((stack): ActiveStack[] => {
    const host = stack.hosts.find(({ weight, ipv4 }) => weight > 0 && ipv4 !== null);
    return host === undefined ? [] : [{ ...stack, host: host as ActiveStack["host"] }];
  });
  const [first] = active.toSorted((one, other) => (pathOf(one) < pathOf(other) ? -1 : 1));
  if (first === undefined)
    throw new ServiceError(503, `${app} has no stack with hosts; expected one that clients can be sent to`);
  return first;
}

const pathOf = ({ stack, flavor }: StackHosts): string => `${stack}/${flavor}`;

/** Throws ServiceError 503 while the application has no hosts. */
export function firstModel(view: AppView): RedirectModel {
  const { stack, flavor } = firstActiveStack(view);
  return {
    ...EMPTY_MODEL,
    whitelist: [stack],
    default_url: URL_PARAMS,
    default_server: {
      name: "default",
      url: TEMPLATE_URL,
      path: flavor,
      description: null,
      query: [],
      not_whitelisted: false,
      secure_url: null,
    },
  };
}

/** The same in words. Throws ServiceError 503 while the application has no hosts. */
export function firstModelDetails(view: AppView): FirstModelDetails {
  const { stack, flavor, host } = firstActiveStack(view);
  const { protocol, port, urn, ip_version } = URL_PARAMS;
  return {
    flavor,
    stack,
    url_params: `${protocol}, ${port}, ${urn}, IPv${ip_version}`,
    url: `${protocol}://${host.ipv4}:${port}/${urn}`,
  };
}

/** Whether the application has an approved model that can redirect with the hosts of now. */
export async function hasValidModel(records: Records, { app, stored, stacks }: AppView): Promise<boolean> {
  if (stored.revision === null) return false;
  const settings = (await records.read(SETTINGS_RECORD)).value;
  return acceptance(stored.value.model, stacks, minHostsOf(settings, app)).code === "SUCCESS";
}
