/** node:tls and what goes with it, loaded at the first use: it takes some 40 ms, and most starts need none of it. */

export function nodeTls(): typeof import("node:tls") {
  return require("node:tls") as typeof import("node:tls");
}

export function nodeCrypto(): typeof import("node:crypto") {
  return require("node:crypto") as typeof import("node:crypto");
}

export function nodeNet(): typeof import("node:net") {
  return require("node:net") as typeof import("node:net");
}
