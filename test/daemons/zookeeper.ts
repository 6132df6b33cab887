/**
 * Real ZooKeeper servers for tests: one, an ensemble of three, or one with TLS, on free ports of 127.0.0.1 with their data in
 * a temporary folder. Debian's libzookeeper-java brings the jars.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IssuedCertificate } from "../../src/platform/issue_certificate.ts";
import { findTool } from "../support/find_tool.ts";

const JAR = "/usr/share/java/zookeeper.jar";
/** TLS needs Netty, which the jar's manifest names only in part. */
const NETTY = "/usr/share/java";
const START_MS = 30_000;
const LOOK_MS = 20;
/** Short, so that sessions may be short: the shortest is two of them. */
const TICK_MS = 200;
const JAVA_OPTIONS = [
  // All nodes are in memory, and documents of 64 MiB are among them.
  "-Xmx640m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Xshare:auto",
  "-Dzookeeper.admin.enableServer=false",
  "-Dzookeeper.jmx.log4j.disable=true",
];

/** What is missing for `startZookeeper`, or null. */
export function zookeeperLacking(): string | null {
  if (findTool("java") === null) return "java is not installed";
  return existsSync(JAR) ? null : "ZooKeeper (Debian's libzookeeper-java) is not installed";
}

export interface ZookeeperOptions {
  readonly members?: 1 | 3;
  /** Certificate of a TLS port of a single server. */
  readonly tls?: IssuedCertificate;
  /** Further lines of zoo.cfg. */
  readonly settings?: readonly string[];
  /** Where a single server runs and listens; default: here, at 127.0.0.1. */
  readonly place?: { readonly address: string; readonly enter: readonly string[] };
}

/** One server; it may be killed and started again on its data. */
export class ZookeeperMember {
  readonly port: number;
  readonly securePort: number | null;
  readonly #host: string;
  readonly #command: readonly string[];
  readonly #directory: string;
  #child: Bun.Subprocess<"ignore", "ignore", "ignore"> | null = null;

  constructor(
    [host, port, securePort]: readonly [string, number, number | null],
    command: readonly string[],
    directory: string,
  ) {
    this.#host = host;
    this.port = port;
    this.securePort = securePort;
    this.#command = command;
    this.#directory = directory;
  }

  get address(): string {
    return `${this.#host}:${this.port}`;
  }

  start(): void {
    this.#child = Bun.spawn([...this.#command], {
      cwd: this.#directory,
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  /** Resolves when clients are served. */
  async ready(): Promise<void> {
    const end = performance.now() + START_MS;
    for (;;) {
      if (/^Mode: /m.test(await this.ask("srvr"))) return;
      if (this.#child !== null && this.#child.exitCode !== null)
        throw new Error(`ZooKeeper ended with ${this.#child.exitCode}`);
      if (performance.now() > end) throw new Error("ZooKeeper has not become ready");
      await Bun.sleep(LOOK_MS);
    }
  }

  async isLeader(): Promise<boolean> {
    return /^Mode: leader/m.test(await this.ask("srvr"));
  }

  /** Number of watches of all clients. */
  async watches(): Promise<number> {
    return Number(/Total watches:(\d+)/.exec(await this.ask("wchs"))?.[1] ?? Number.NaN);
  }

  /** The answer to a four-letter word; "" when there is none. */
  async ask(word: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    let answer = "";
    const end = () => resolve(answer);
    Bun.connect({
      hostname: this.#host,
      port: this.port,
      socket: {
        open: (socket) => void socket.write(word),
        data: (_socket, bytes) => void (answer += bytes.toString()),
        close: end,
        error: end,
        connectError: end,
      },
    }).catch(end);
    return await Promise.race([promise, Bun.sleep(2_000).then(() => answer)]);
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  continue(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    child?.kill("SIGKILL");
    await child?.exited;
  }

  async restart(): Promise<void> {
    await this.kill();
    this.start();
    await this.ready();
  }
}

export class Zookeeper {
  readonly members: readonly ZookeeperMember[];
  readonly #directory: string;

  constructor(members: readonly ZookeeperMember[], directory: string) {
    this.members = members;
    this.#directory = directory;
  }

  /** The first server, or the only one. */
  get server(): ZookeeperMember {
    return this.members[0]!;
  }

  /** For the setting `connect`. */
  get connect(): string {
    return this.members.map(({ address }) => address).join(",");
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Starts the servers and waits until they serve. `stop` them in the end. */
export async function startZookeeper(options: ZookeeperOptions = {}): Promise<Zookeeper> {
  const { members: count = 1, tls, settings = [], place } = options;
  const host = place?.address ?? "127.0.0.1";
  const directory = mkdtempSync(join(tmpdir(), "fairlead-zookeeper-"));
  const ports = await freePorts(count * 4);
  const numbers = Array.from({ length: count }, (_, index) => index);
  const quorum =
    count === 1
      ? []
      : [
          "standaloneEnabled=false",
          "initLimit=50",
          "syncLimit=10",
          ...numbers.map(
            (index) => `server.${index + 1}=127.0.0.1:${ports[4 * index]}:${ports[4 * index + 1]}`,
          ),
        ];
  const members = numbers.map((index) => {
    const [port, securePort] = [ports[4 * index + 2]!, ports[4 * index + 3]!];
    const home = join(directory, String(index + 1));
    mkdirSync(join(home, "data"), { recursive: true });
    writeFileSync(join(home, "data", "myid"), `${index + 1}\n`);
    const lines = [
      `tickTime=${TICK_MS}`,
      `dataDir=${home}/data`,
      `clientPort=${port}`,
      `clientPortAddress=${host}`,
      "admin.enableServer=false",
      `minSessionTimeout=${2 * TICK_MS}`,
      "maxSessionTimeout=60000",
      "4lw.commands.whitelist=*",
      "maxClientCnxns=0",
      ...quorum,
      ...(tls === undefined ? [] : tlsLines(home, securePort, tls)),
      ...settings,
    ];
    writeFileSync(join(home, "zoo.cfg"), `${lines.join("\n")}\n`);
    const words = [...(place?.enter ?? []), ...command(home, count, tls)];
    return new ZookeeperMember([host, port, tls === undefined ? null : securePort], words, home);
  });
  const zookeeper = new Zookeeper(members, directory);
  try {
    for (const member of members) member.start();
    await Promise.all(members.map((member) => member.ready()));
  } catch (error) {
    await zookeeper.stop();
    throw error;
  }
  return zookeeper;
}

function command(home: string, count: number, tls: IssuedCertificate | undefined): string[] {
  const jars = [home, JAR];
  if (tls !== undefined)
    jars.push(...[...new Bun.Glob("netty-*.jar").scanSync(NETTY)].map((name) => `${NETTY}/${name}`));
  const main = count === 1 ? "ZooKeeperServerMain" : "quorum.QuorumPeerMain";
  // So that no server outlives a test run that is killed.
  const guard = findTool("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"];
  return [
    ...guard,
    "java",
    ...JAVA_OPTIONS,
    "-cp",
    jars.join(":"),
    `org.apache.zookeeper.server.${main}`,
    join(home, "zoo.cfg"),
  ];
}

function tlsLines(home: string, port: number, { cert, key }: IssuedCertificate): string[] {
  writeFileSync(join(home, "server.pem"), `${key}${cert}`, { mode: 0o600 });
  writeFileSync(join(home, "trust.pem"), cert);
  return [
    `secureClientPort=${port}`,
    "secureClientPortAddress=127.0.0.1",
    "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
    `ssl.keyStore.location=${home}/server.pem`,
    "ssl.keyStore.type=PEM",
    `ssl.trustStore.location=${home}/trust.pem`,
    "ssl.trustStore.type=PEM",
    "ssl.clientAuth=none",
  ];
}

/** Ports that nobody has just now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
