/** Writes a hosts file again and again, between two addresses, until it is killed. For tests. */
import { readFileSync } from "node:fs";
import { HostsFile } from "../../src/planes/hosts/hosts_file.ts";

const [file = "", stateDir = "", names = "1"] = process.argv.slice(2);
const hosts = new HostsFile({ file, write: "auto", allowed_roots: [], create: false }, stateDir);
await hosts.open({ waitMs: 5_000 });
const wanted = (address: string) =>
  Array.from({ length: Number(names) }, (_, index) => ({ names: [`n${index}.test`], addresses: [address] }));
console.log(JSON.stringify({ way: hosts.way, text: readFileSync(file, "utf8") }));
for (let turn = 0; ; turn++) await hosts.update(wanted(turn % 2 === 0 ? "10.0.0.1" : "10.200.200.200"));
