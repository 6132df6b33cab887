/** Backends as lines for people. */
import type { BackendReport } from "../admin/backend_overrides.ts";
import { textTable } from "./text_table.ts";

export function backendTable(backends: readonly BackendReport[]): string {
  const rows = backends.map((backend) => [
    `${backend.pool}/${backend.id}`,
    backend.enabled,
    weightText(backend),
    addressText(backend),
    backend.overridden ? "set by hand" : "",
  ]);
  return textTable(["backend", "enabled", "weight", "addresses", ""], rows);
}

const addressText = ({ addresses, checked }: BackendReport): string =>
  addresses.length === 0
    ? "no address"
    : addresses.map(({ address, health }) => (checked ? `${address} ${health}` : address)).join(", ");

/** The weight in force, and the configured one where that is another. */
export const weightText = ({ weight, configured_weight: configured }: BackendReport): string =>
  weight === configured ? String(weight) : `${weight} (configured ${configured})`;
