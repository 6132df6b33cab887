/** What every store checks before it does anything. */
import type { StoreOperation } from "./contract.ts";
import { DEFAULT_STORE } from "./defaults.ts";
import { StoreRefused } from "./errors.ts";
import { checkPath } from "./paths.ts";

export interface SizeLimits {
  readonly max_value_bytes: number;
  readonly max_transaction_bytes: number;
}

/** Throws RangeError for paths and lists that are none, StoreRefused for what is too large. */
export function checkOperations(operations: readonly StoreOperation[], limits: SizeLimits): void {
  const { max_operations } = DEFAULT_STORE;
  if (operations.length === 0 || operations.length > max_operations)
    throw new RangeError(
      `a transaction has 1 to ${max_operations} operations, this one ${operations.length}`,
    );
  let total = 0;
  for (const operation of operations) {
    checkPath(operation.path);
    if (operation.kind !== "put") continue;
    const { length } = operation.value;
    if (length > limits.max_value_bytes)
      throw new StoreRefused(
        `a value of ${length} bytes; the limit is ${limits.max_value_bytes}`,
        operation.path,
      );
    total += length;
  }
  if (total > limits.max_transaction_bytes)
    throw new StoreRefused(`a transaction of ${total} bytes; the limit is ${limits.max_transaction_bytes}`);
}
