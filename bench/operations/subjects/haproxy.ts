import { haproxy as peer } from "../../http/peers/haproxy.ts";
import { routeHost, routeName } from "../../http/settings.ts";
import { GENERATION_PATH, ROUTES } from "../settings.ts";
import type { Subject } from "../subject.ts";

/** It has no file per route: a map has them all, and the number of the generation stands in the configuration. */
export const haproxy: Subject = {
  peer,
  layouts: ["one"],
  mainFile: "haproxy.cfg",
  partFile: () => "",
  partHead: "",
  main: ({ directory, port, backends, workers }, generation) => `global
    nbthread ${workers}
    maxconn 4000
    no strict-limits
    log stdout len 1024 format raw local0

defaults
    mode http
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 30s
    timeout http-keep-alive 75s
    http-reuse always

frontend web
    bind 127.0.0.1:${port} backlog 4096
    http-request return status 200 content-type text/plain string "${generation.trim()}" if { path ${GENERATION_PATH} }
    use_backend web if { req.hdr(host),host_only,lower,map_str(${directory}/routes.map) -m found }

backend web
    balance roundrobin
    server first 127.0.0.1:${backends[0]}
    server second 127.0.0.1:${backends[1]}
`,
  routes: () => "",
  beside: (_place, generation) => ({
    "routes.map": Array.from(
      { length: ROUTES },
      (_, index) => `${routeHost(index)} ${routeName(index)}-${generation % 2}\n`,
    ).join(""),
  }),
  generation: (_place, generation) => `${generation}`,
  command: (binary, _place, main) => [binary, "-W", "-f", main],
  async reload(pid) {
    process.kill(pid, "SIGUSR2");
  },
  old: (tree) => tree.filter(({ parent }) => tree.some(({ pid }) => pid === parent)),
};
