/** Certificates and keys that do not fit, when the program brings a way to look into them. */
import type { Finding } from "../finding.ts";
import type { ResolvedInputs } from "../inputs.ts";
import type { ConfigParts } from "../parts.ts";
import { listOr, mapOr } from "../plain_value.ts";

/** `value` has absolute file names. */
export function certificateFindings(value: unknown, inputs: ResolvedInputs, parts: ConfigParts): Finding[] {
  if (parts.checkCertificate === undefined) return [];
  const findings: Finding[] = [];
  for (const [name, listener] of Object.entries(mapOr(mapOr(value)["listeners"]))) {
    for (const [index, certificate] of listOr(mapOr(mapOr(listener)["tls"])["certificates"]).entries()) {
      const { cert, key } = mapOr(certificate);
      const texts = [cert, key].map((file) => (typeof file === "string" ? inputs.files[file] : undefined));
      if (texts[0] === undefined || texts[1] === undefined) continue;
      const { problem, warning } = parts.checkCertificate(texts[0], texts[1]);
      const path = ["listeners", name, "tls", "certificates", index, "cert"];
      if (problem !== null) findings.push({ path, what: "value", message: problem });
      if (warning !== null) findings.push({ path, what: "value", message: warning, severity: "warning" });
    }
  }
  return findings;
}
