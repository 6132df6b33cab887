/** Debian packages that tests and benches use. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { findTool } from "../../test/support/find_tool.ts";

const PACKAGES = [
  "nginx",
  "haproxy",
  "caddy",
  "wrk",
  "openssl",
  "curl",
  "bind9-dnsutils",
  // ZooKeeper without its service, user and configuration, which are the package `zookeeper`.
  "libzookeeper-java",
  "default-jre-headless",
  // Cuts networks of tests; its service is not started.
  "nftables",
  // Shows that the committed objects of bpf/ are what their sources give.
  "clang-14",
];
/** Programs of packages that have none of their own name, and files of those that have no program. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "bind9-dnsutils": "dig",
  "libzookeeper-java": "/usr/share/java/zookeeper.jar",
  "default-jre-headless": "java",
  nftables: "nft",
};
const INSTALL_TIMEOUT_MS = 240_000;
/** Package scripts ask this file before they start a service; 101 = "not allowed". */
const SERVICE_POLICY = "/usr/sbin/policy-rc.d";

/** Those of `packages` whose programs or files are missing. */
export function missingPackages(packages: readonly string[] = PACKAGES): string[] {
  return packages.filter((name) => {
    const what = PROGRAMS[name] ?? name;
    return what.startsWith("/") ? !existsSync(what) : findTool(what) === null;
  });
}

/**
 * Installs what is missing, as root on Debian only; starts no service. Never throws: returns a warning in one line where
 * something stays missing, else null.
 */
export async function installPackages(missing: readonly string[]): Promise<string | null> {
  if (missing.length === 0) return null;
  const names = missing.join(" ");
  if (process.getuid?.() !== 0)
    return `not installed: ${names} (npm test installs Debian packages only as root)`;
  if (findTool("apt-get") === null) return `not installed: ${names} (no apt-get here)`;
  console.log(`installing Debian packages: ${names}`);
  const ownPolicy = !existsSync(SERVICE_POLICY);
  try {
    if (ownPolicy) writeFileSync(SERVICE_POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    const install = ["install", "-y", "-qq", "--no-install-recommends", ...missing];
    if ((await apt(install)) || ((await apt(["update", "-qq"])) && (await apt(install)))) return null;
  } catch (error) {
    return `not installed: ${missingPackages(missing).join(" ")} (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    if (ownPolicy) rmSync(SERVICE_POLICY, { force: true });
  }
  return `not installed: ${missingPackages(missing).join(" ")} (apt-get could not install them)`;
}

async function apt(args: readonly string[]): Promise<boolean> {
  const child = Bun.spawn(["apt-get", ...args], {
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: INSTALL_TIMEOUT_MS,
  });
  return (await child.exited) === 0;
}
