/** Addresses for operators that other machines reach need a token. Works on malformed values too. */
import { isLocalAddress, parseListenAddress } from "../../core/schema/listen_address.ts";
import type { Finding } from "../finding.ts";
import { mapOr, type PlainMap } from "../plain_value.ts";
import type { Path } from "../problem.ts";

const METRICS: Path = ["observability", "metrics"];

export function checkAdmin(root: unknown): Finding[] {
  const config = mapOr(root);
  const metrics = mapOr(mapOr(config["observability"])["metrics"]);
  const findings = [...openDoor(mapOr(config["admin"]), ["admin"]), ...openDoor(metrics, METRICS)];
  if (metrics["token"] !== undefined && metrics["address"] === undefined)
    findings.push({
      path: [...METRICS, "token"],
      what: "key",
      message:
        "belongs to observability.metrics.address, which is not set; at the admin address admin.token counts",
    });
  return findings;
}

function openDoor(section: PlainMap, path: Path): Finding[] {
  const text = section["address"];
  const address = typeof text === "string" ? parseListenAddress(text) : null;
  if (address === null || isLocalAddress(address) || section["token"] !== undefined) return [];
  const message = `other machines reach ${String(text)}, so it needs ${[...path, "token"].join(".")}; without one expected 127.0.0.1:port, [::1]:port or unix:/path`;
  return [{ path: [...path, "address"], what: "value", message }];
}
