import { join } from "node:path";
import { askSupervisor } from "../../../src/run/control_client.ts";
import { fairlead as peer } from "../../http/peers/fairlead.ts";
import { routeHost, routeName } from "../../http/settings.ts";
import { GENERATION_PATH } from "../settings.ts";
import type { Subject } from "../subject.ts";

export const fairlead: Subject = {
  peer,
  layouts: ["one", "many", "order"],
  mainFile: "fairlead.yaml",
  partFile: (index) => `conf.d/${String(index).padStart(2, "0")}.yaml`,
  partHead: "routes:\n",
  main: ({ directory, port, adminPort, backends, workers }, routes) => `workers: ${workers}
runtime_dir: ${directory}/run
state_dir: ${directory}/state
listeners:
  plain: { address: "127.0.0.1:${port}" }
pools:
  web:
    backends:
      - { id: first, url: "http://127.0.0.1:${backends[0]}" }
      - { id: second, url: "http://127.0.0.1:${backends[1]}" }
observability: { access_log: { path: "${directory}/access.log" } }
admin: { address: "127.0.0.1:${adminPort}" }
${routes === "" ? "" : `routes:\n${routes}`}`,
  routes(_place, from, to, generation, layout) {
    let text = "";
    const odd = generation % 2;
    const changed =
      layout === "order" ? `priority: ${100 + odd}` : `upgrades: [${odd === 1 ? "websocket" : ""}]`;
    for (let index = from; index < to; index++) {
      text += `  - { name: ${routeName(index)}, match: "Host(\`${routeHost(index)}\`)", pool: web, ${changed} }\n`;
    }
    return text;
  },
  generation: (_place, generation) =>
    `  - { name: generation, match: "Path(\`${GENERATION_PATH}\`)", priority: 1000, respond: { body: "${generation}" } }\n`,
  command: (binary, _place, main) => [binary, "run", "--config", main],
  async reload(_pid, { directory }) {
    const answer = await askSupervisor(join(directory, "run"), { command: "reload" });
    if (!answer.ok) throw new Error(`the reload was refused: ${JSON.stringify(answer)}`);
  },
  old: null,
};
