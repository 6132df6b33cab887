/**
 * A responder on port 53 and clients by the C library: run in a network of its own, with a resolver file that names it.
 * Prints what `getent` said, as JSON.
 */
import { realClock } from "../../src/platform/clock.ts";
import { DnsResponder } from "../../src/planes/hosts/dns/responder.ts";
import { TestNames } from "../../src/planes/hosts/dns/test_dns.ts";

const responder = await DnsResponder.start({
  address: { host: "127.0.0.1", port: 53 },
  ttl_ms: 1_000,
  upstream: [],
  names: new TestNames({
    "db.test": ["192.0.2.7", "192.0.2.3", "2001:db8::7"],
    "four.test": ["192.0.2.3"],
    "down.test": [],
    "many.test": Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`),
  }),
  clock: realClock,
});

async function getent(database: string, key: string): Promise<{ text: string; exitCode: number }> {
  const child = Bun.spawn(["getent", database, key], { stdout: "pipe", timeout: 8_000 });
  const [out, exitCode] = await Promise.all([child.stdout.text(), child.exited]);
  return { text: out.replace(/[ \t]+/g, " ").replace(/ $/gm, ""), exitCode };
}

const addressesIn = (text: string) => [...new Set(text.match(/^\S+/gm) ?? [])].toSorted();
const result = {
  four: (await getent("ahosts", "four.test")).text,
  both: addressesIn((await getent("ahosts", "db.test")).text),
  many: addressesIn((await getent("ahosts", "many.test")).text).length,
  reverse: (await getent("hosts", "192.0.2.7")).text,
  down: (await getent("ahosts", "down.test")).exitCode,
  unknown: (await getent("ahosts", "unknown.test")).exitCode,
};
responder.stop();
console.log(JSON.stringify(result));
