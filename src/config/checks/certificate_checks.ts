/** Certificates, keys and authorities that cannot be used or have expired, when the program brings a way to look into them. */
import type { CertificateFinding } from "../../platform/certificate_reader.ts";
import type { Finding } from "../finding.ts";
import type { ResolvedInputs } from "../inputs.ts";
import type { ConfigParts } from "../parts.ts";
import { listOr, mapOr, type PlainMap } from "../plain_value.ts";
import type { Path } from "../problem.ts";
import { listenerSections } from "./listener_sections.ts";

/** `value` has absolute file names. Files that cannot be read have been told already. */
export function certificateFindings(value: unknown, inputs: ResolvedInputs, parts: ConfigParts): Finding[] {
  const reader = parts.certificates;
  if (reader === undefined) return [];
  const findings: Finding[] = [];
  const told = (
    settings: PlainMap,
    pathOf: (key: string) => Path,
    found: readonly CertificateFinding[],
    keys: Keys,
  ): void => {
    for (const { about, severity, message } of found)
      findings.push({
        path: pathOf(keys[about]),
        what: "value",
        severity,
        message: `${String(settings[keys[about]])} ${message}`,
      });
  };
  const textOf = (file: unknown): string | undefined =>
    typeof file === "string" ? inputs.files[file] : undefined;
  const lookAtPlaced = (settings: PlainMap, authorities: string, pathOf: (key: string) => Path): void => {
    const [certificate, key] = [textOf(settings["cert"]), textOf(settings["key"])];
    if (certificate !== undefined) {
      const found = key === undefined ? reader.authorities(certificate) : reader.pair(certificate, key);
      told(settings, pathOf, found, { certificate: "cert", key: "key" });
    }
    const trusted = textOf(settings[authorities]);
    if (trusted !== undefined)
      told(settings, pathOf, reader.authorities(trusted), { certificate: authorities, key: authorities });
  };
  const lookAt = (settings: PlainMap, path: Path, authorities: string): void =>
    lookAtPlaced(settings, authorities, (key) => [...path, key]);
  const config = mapOr(value);
  for (const { settings, path: place } of listenerSections(config)) {
    const tls = mapOr(settings["tls"]);
    const path: Path = [...place, "tls"];
    lookAt(tls, path, "client_ca");
    for (const [index, certificate] of listOr(tls["certificates"]).entries())
      lookAt(mapOr(certificate), [...path, "certificates", index], "client_ca");
  }
  for (const [name, pool] of Object.entries(mapOr(config["pools"]))) {
    const tls = mapOr(mapOr(pool)["tls"]);
    const path: Path = ["pools", name, "tls"];
    lookAt(tls, path, "ca");
    // A check has the pool's settings with its own before them.
    const own = mapOr(mapOr(mapOr(pool)["health_check"])["tls"]);
    if (!FILES.some((key) => key in own)) continue;
    const ownPath: Path = ["pools", name, "health_check", "tls"];
    lookAtPlaced({ ...tls, ...own }, "ca", (key) => [...(key in own ? ownPath : path), key]);
  }
  return findings;
}

/** Settings of a client's TLS that name files. */
const FILES = ["cert", "key", "ca"];

/** Under which keys the files stand that a finding is about. */
type Keys = Readonly<Record<CertificateFinding["about"], string>>;
