/** Health checks, feedback and rollouts of the redirector, on a started program with hosts that really answer. */
import { expect, test } from "bun:test";
import { askRedirector, LivingHosts, registerAll, storeOf, writeModel } from "./redirect_hosts.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 60_000;
const CHECK =
  "health_check: { type: http, path: /alive, interval: 50ms, timeout: 2s, healthy_after: 1, unhealthy_after: 2 }";

/** Hosts that many clients are sent to. */
async function hostsInUse(fairlead: RunningFairlead, count = 24): Promise<string> {
  const answers = await Promise.all(Array.from({ length: count }, () => askRedirector(fairlead)));
  const hosts = answers.map(({ headers }) => new URL(headers.get("location") ?? "http://nobody").hostname);
  return [...new Set(hosts)].toSorted().join(" ");
}

test(
  "RD165 hosts whose checks fail are passed over in all workers, but never all, and come back when they are well",
  async () => {
    using living = new LivingHosts(3);
    const [one, two, three] = living.hosts;
    await using fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
  defaults: { ${CHECK} }
`);
    const store = storeOf(fairlead);
    await registerAll(store, "1.0", [one!, two!]);
    await writeModel(store, 1, living.model());
    const use = (hosts: string, what: string) =>
      until(async () => (await hostsInUse(fairlead)) === hosts, what);
    await use("127.0.0.2 127.0.0.3", "both are in use");
    one!.isWell = false;
    await use("127.0.0.3", "the one that fails is passed over");
    two!.isWell = false;
    await use("127.0.0.2 127.0.0.3", "all fail, so all serve");
    two!.isWell = true;
    await use("127.0.0.3", "one is well again");
    // One that comes is checked as well, and a reload changes nothing.
    await registerAll(store, "1.0", [three!]);
    await use("127.0.0.3 127.0.0.4", "a new one is in use");
    three!.isWell = false;
    await use("127.0.0.3", "the new one fails");
    const before = `workers: 2
redirect:
  address: "127.0.0.1:0"
  defaults: { ${CHECK}, answer_headers: true }
`;
    await fairlead.apply(before);
    expect(await hostsInUse(fairlead)).toBe("127.0.0.3");
    await fairlead.apply(before.replace(CHECK, "answer: redirect"));
    await use("127.0.0.2 127.0.0.3 127.0.0.4", "without a check all are in use");
    await store.close();
  },
  PATIENCE,
);
