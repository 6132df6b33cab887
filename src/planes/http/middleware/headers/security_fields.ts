/** The fields with which a site protects its visitors, as one list of lines for answers. */
import type { SecurityOptions } from "./schema.ts";

export interface SecurityField {
  /** Lower case. */
  readonly name: string;
  /** With its line end. */
  readonly line: string;
  /** Only over TLS: elsewhere clients must ignore it (RFC 6797 8.1), and servers must not send it (7.2). */
  readonly secureOnly: boolean;
}

export function securityFields(options: SecurityOptions): SecurityField[] {
  const { hsts } = options;
  const field = (name: string, value: string | undefined, secureOnly = false): SecurityField[] =>
    value === undefined ? [] : [{ name: name.toLowerCase(), line: `${name}: ${value}\r\n`, secureOnly }];
  return [
    ...field(
      "Strict-Transport-Security",
      hsts === undefined ? undefined : hstsValue(hsts),
      hsts?.always !== true,
    ),
    ...field("X-Frame-Options", options.frame_options),
    ...field("X-Content-Type-Options", options.content_type_nosniff ? "nosniff" : undefined),
    ...field("Content-Security-Policy", options.content_security_policy),
    ...field("Content-Security-Policy-Report-Only", options.content_security_policy_report_only),
    ...field("Referrer-Policy", options.referrer_policy),
    ...field("Permissions-Policy", options.permissions_policy),
  ];
}

function hstsValue({ max_age, include_subdomains, preload }: NonNullable<SecurityOptions["hsts"]>): string {
  return `max-age=${max_age}${include_subdomains ? "; includeSubDomains" : ""}${preload ? "; preload" : ""}`;
}
