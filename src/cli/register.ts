/** `fairlead register`: a host in the store for as long as this runs. */
import { messageOf } from "../core/text/message_of.ts";
import {
  HostRegistration,
  type HostRegistrationEvent,
} from "../planes/redirect/discovery/host_registration.ts";
import { registrationName, writeRegistration } from "../planes/redirect/discovery/registration.ts";
import { onSignals } from "../platform/signals.ts";
import { readOptions, usageError, type Output } from "./command.ts";
import type { ProgramParts } from "./program_parts.ts";
import { REGISTER_OPTIONS, registerChoice, type RegisterChoice } from "./register/choice.ts";
import { OwnCheck } from "./register/own_check.ts";
import { storeChoice, type StoreChoice } from "./store_choice.ts";

const HELP = `usage: fairlead register --app APP --stack /DC/AZ --flavor FLAVOR --address HOST:PORT [options]
                         (-c FILE | --zookeeper HOSTS [--base-path PATH] | --sqlite DIR [--base-path PATH])

Registers a host of a redirector's application, as the original's hosts do, for as long as this program runs: again when
the store's session has ended, and no longer when SIGTERM or SIGINT comes. With --check it is registered only while it
serves.

      --app APP            the application
      --stack /DC/AZ       datacenter and zone
      --flavor FLAVOR      the flavor, often a version
      --address HOST:PORT  where the host is reached; its node is called so
      --ipv4, --ipv6 ADDRESS  addresses that clients are sent to (default: the host of --address)
      --weight N           share of the traffic beside other hosts (default: the gateway's)
      --class NAME         class of the payload, for readers in Java
  -c, --config FILE        a configuration whose section redirect names the store
      --zookeeper HOSTS    servers such as zk1:2181,zk2:2181
      --sqlite DIR         the folder of a store on this machine
      --base-path PATH     path below which that store is kept
      --session-timeout T  so long the host stays when this program is killed
      --check URL          tcp://host:port or http://host:port/path (2xx): unregistered while it fails
      --interval T, --timeout T, --healthy-after N, --unhealthy-after N
                           how the check is done (default: 10s, 5s, 2, 3)
      --json               print what happens as JSON, one object a line
  -h, --help               print this

examples:
  fairlead register --app a1 --stack /EU/z1 --flavor 1.0 --address 10.0.0.1:8080 --weight 10 --zookeeper zk1:2181
  fairlead register --app a1 --stack /EU/z1 --flavor 1.0 --address 10.0.0.1:8080 -c /etc/fairlead/fairlead.yaml \\
    --check http://127.0.0.1:8080/healthz --interval 2s --json

exit code: 0 after SIGTERM or SIGINT, 1 when the store refuses the registration
`;

/** So long an end waits for a store that does not answer; then the node goes with its session. */
const END_MS = 5_000;

/** Runs the command with the arguments behind `register`. Resolves with the exit code when the program is to end. */
export async function registerCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const given = readOptions("register", HELP, args, REGISTER_OPTIONS, output);
  if (typeof given === "number") return given;
  let choice: RegisterChoice;
  try {
    choice = registerChoice(given);
  } catch (error) {
    return usageError("register", messageOf(error), output);
  }
  try {
    const store = await storeChoice(given, program, given["session-timeout"]);
    return await registered(choice, store, teller(given.json, output));
  } catch (error) {
    if (given.json) output.out(`${JSON.stringify({ event: "refused", text: messageOf(error) })}\n`);
    else output.error(`fairlead register: ${messageOf(error)}\n`);
    return 1;
  }
}

type Tell = (event: HostRegistrationEvent | CheckEvent) => void;

interface CheckEvent {
  readonly event: "check_passed" | "check_failed";
  readonly text: string;
}

function teller(asJson: boolean, output: Output): Tell {
  return ({ event, text }) => output.out(asJson ? `${JSON.stringify({ event, text })}\n` : `${text}\n`);
}

/** Rejects with Error in words when the store refuses. */
async function registered(
  { host, folder, check }: RegisterChoice,
  choice: StoreChoice,
  told: Tell,
): Promise<number> {
  const end = Promise.withResolvers<string | null>();
  onSignals((name) => {
    if (name === "SIGTERM" || name === "SIGINT") end.resolve(null);
  });
  const store = choice.open();
  const registration = new HostRegistration({
    store,
    path: `/services${folder}/${registrationName(host)}`,
    value: writeRegistration({ ...host, worker_id: crypto.randomUUID(), registered_at_ms: Date.now() }),
    told,
    refused: (reason) => end.resolve(reason),
  });
  const ownCheck =
    check === null
      ? null
      : new OwnCheck(check.url, check.timing, (health, reason) => {
          const serves = health === "healthy";
          told({
            event: serves ? "check_passed" : "check_failed",
            text: `the check says ${health}: ${reason}`,
          });
          if (serves) registration.add();
          else registration.remove(`the check fails: ${reason}`);
        });
  if (ownCheck === null) registration.add();
  // Nothing else may be open: neither a socket, while the store is away, nor a timer.
  const alive = setInterval(() => {}, 60_000);
  const refusal = await end.promise;
  ownCheck?.stop();
  await Promise.race([registration.close().then(() => store.close()), Bun.sleep(END_MS)]);
  clearInterval(alive);
  if (refusal !== null) throw new Error(`${choice.name}: ${refusal}`);
  return 0;
}
