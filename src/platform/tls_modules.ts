/** node:tls and node:crypto, loaded at their first use: it takes some 40 ms, and most starts need neither. */

export function nodeTls(): typeof import("node:tls") {
  return require("node:tls") as typeof import("node:tls");
}

export function nodeCrypto(): typeof import("node:crypto") {
  return require("node:crypto") as typeof import("node:crypto");
}
