/**
 * A network of its own behind a virtual cable, for programs that are to be cut off: packets between it and the machine are dropped in
 * silence, as by a broken switch, until `heal`. Needs root, ip(8), nft(8), nsenter(1), setpriv(1) and unshare(1).
 */
import { readlinkSync } from "node:fs";
import { findTool } from "./find_tool.ts";

const START_MS = 5_000;
const TOOLS = ["ip", "nft", "nsenter", "setpriv", "unshare"];
/** Of the networks for measurements between devices (RFC 2544), which nobody else uses: one of /30 for each process. */
const NETWORK = "198.18";

/** What is missing for `NetworkPlace.start`, or null. */
export function networkPlaceLacking(): string | null {
  if (process.getuid?.() !== 0) return "not run as root";
  const missing = TOOLS.filter((tool) => findTool(tool) === null);
  return missing.length === 0 ? null : `${missing.join(", ")} not installed`;
}

export class NetworkPlace {
  /** Of the place, as the machine reaches it. */
  readonly address: string;
  /** Words before a command that is to run there. */
  readonly enter: readonly string[];
  readonly #holder: Bun.Subprocess<"ignore", "ignore", "ignore">;

  private constructor(address: string, holder: Bun.Subprocess<"ignore", "ignore", "ignore">) {
    this.address = address;
    this.#holder = holder;
    this.enter = ["nsenter", "-t", String(holder.pid), "-n"];
  }

  /** `stop` it in the end. */
  static async start(): Promise<NetworkPlace> {
    const holder = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sleep", "infinity"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const number = process.pid % 16_384;
    const prefix = `${NETWORK}.${number >> 6}.`;
    const first = (number & 63) * 4;
    const [here, there] = [`${prefix}${first + 1}`, `${prefix}${first + 2}`];
    const [cable, end] = [`flh${holder.pid}`, `flp${holder.pid}`];
    const place = new NetworkPlace(there, holder);
    try {
      await ownNetwork(holder.pid);
      await run([
        "ip",
        "link",
        "add",
        cable,
        "type",
        "veth",
        "peer",
        "name",
        end,
        "netns",
        String(holder.pid),
      ]);
      await run(["ip", "address", "add", `${here}/30`, "dev", cable]);
      await run(["ip", "link", "set", cable, "up"]);
      await place.run("ip", "link", "set", "lo", "up");
      await place.run("ip", "address", "add", `${there}/30`, "dev", end);
      await place.run("ip", "link", "set", end, "up");
      return place;
    } catch (error) {
      await place.stop();
      throw error;
    }
  }

  /** Runs a command there to its end. Throws with what it says where it fails. */
  async run(...command: readonly string[]): Promise<void> {
    await run([...this.enter, ...command]);
  }

  /** From now on no packet goes in or out; connections stay as they are. */
  async cut(): Promise<void> {
    const sides = [
      ["input", "iifname"],
      ["output", "oifname"],
    ];
    const chains = sides.map(
      ([hook, side]) => `chain ${hook} {\ntype filter hook ${hook} priority 0\n${side} != "lo" drop\n}\n`,
    );
    await this.run("nft", `table inet cut {\n${chains.join("")}}\n`);
  }

  async heal(): Promise<void> {
    await this.run("nft", "delete table inet cut");
  }

  /** The cable goes with the network. Programs that still run there keep it. */
  async stop(): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.exited;
  }
}

/** `unshare` has begun when its network is another one than ours. */
async function ownNetwork(pid: number): Promise<void> {
  const network = (of: string): string => readlinkSync(`/proc/${of}/ns/net`);
  for (const end = performance.now() + START_MS; network(String(pid)) === network("self");) {
    if (performance.now() > end) throw new Error("unshare has not made a network");
    await Bun.sleep(5);
  }
}

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "pipe"] });
  const error = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${error.trim()}`);
}
