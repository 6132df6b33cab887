/** The temporary directory of a run: bodies, keys, compiled programs, one directory per started peer. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileClient } from "./programs.ts";
import { BODIES, SERVER_NAME } from "./settings.ts";

const living = new Set<Workplace>();

/** Removes every directory that is still there; for an end that no `finally` sees. */
export function removeWorkplaces(): void {
  for (const workplace of living) workplace.remove();
}

export class Workplace {
  readonly directory: string;
  readonly tools: string;
  readonly bodies: string;
  readonly certificate: string;
  readonly key: string;
  readonly certificateAndKey: string;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
    chmodSync(this.directory, 0o755); // workers of other users read bodies and write logs there
    living.add(this);
    this.tools = this.make("tools");
    this.bodies = this.make("bodies");
    this.certificate = join(this.directory, "chain.pem");
    this.key = join(this.directory, "key.pem");
    this.certificateAndKey = join(this.directory, "all.pem");
    try {
      const source = join(import.meta.dir, "native/load_client.c");
      compileClient(source, join(this.tools, "load_client"), ["-lssl", "-lcrypto"]);
      this.#writeBodies();
      this.#writeCertificate();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Makes a directory in it. */
  make(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Leaves the directory where it is. */
  keep(): void {
    living.delete(this);
  }

  remove(): void {
    living.delete(this);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #writeBodies(): void {
    for (const [path, size] of Object.entries(BODIES)) {
      const block = Buffer.alloc(size);
      // Text without repetition: every position differs from its neighbours, so a shifted byte shows.
      for (let at = 0, state: number = size; at < size; at++) {
        state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
        block[at] = 33 + ((state >> 16) % 94);
      }
      writeFileSync(join(this.bodies, path), block, { mode: 0o644 });
    }
    for (const name of ["upload", "keep"]) writeFileSync(join(this.bodies, name), "", { mode: 0o644 });
  }

  /** An ECDSA P-256 key, and its certificate with the issuer's: what servers on the Internet send. */
  #writeCertificate(): void {
    const at = (name: string): string => join(this.directory, name);
    const make = (words: string): void => openssl(words.split(" "), this.directory);
    writeFileSync(at("leaf.ext"), `subjectAltName=DNS:${SERVER_NAME},DNS:*.bench.example,IP:127.0.0.1\n`);
    const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    make(`req -x509 ${newKey} -keyout ca.key -out ca.pem -days 30 -subj /CN=authority.bench.example`);
    make(`req ${newKey} -keyout key.pem -out leaf.csr -subj /CN=${SERVER_NAME}`);
    make(
      `x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 30 -extfile leaf.ext`,
    );
    const [leaf, authority, key] = ["leaf.pem", "ca.pem", "key.pem"].map((name) =>
      readFileSync(at(name), "utf8"),
    );
    writeFileSync(this.certificate, `${leaf}${authority}`);
    writeFileSync(this.certificateAndKey, `${leaf}${authority}${key}`);
    chmodSync(this.key, 0o644);
  }
}

function openssl(args: readonly string[], cwd: string): void {
  const result = Bun.spawnSync(["openssl", ...args], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 30_000,
  });
  if (result.exitCode !== 0) throw new Error(`openssl ${args[0]} failed: ${result.stderr.toString()}`);
}
