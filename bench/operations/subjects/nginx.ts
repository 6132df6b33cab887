import { nginx as peer } from "../../http/peers/nginx.ts";
import { routeHost } from "../../http/settings.ts";
import { GENERATION_PATH } from "../settings.ts";
import type { Subject } from "../subject.ts";

const answer = (generation: number): string =>
  `location = ${GENERATION_PATH} { return 200 "${generation}"; }`;

export const nginx: Subject = {
  peer,
  layouts: ["one", "many"],
  mainFile: "nginx.conf",
  partFile: (index) => `conf.d/${String(index).padStart(2, "0")}.conf`,
  partHead: "",
  main: ({ directory, backends, workers, openFiles }, routes, layout) => `worker_processes ${workers};
worker_rlimit_nofile ${openFiles};
daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 4000; }
http {
    access_log ${directory}/access.log combined buffer=64k flush=1s;
    keepalive_requests 1000000000;
    client_body_temp_path ${directory}/bodies;
    proxy_temp_path ${directory}/proxy;
    fastcgi_temp_path ${directory}/fastcgi;
    uwsgi_temp_path ${directory}/uwsgi;
    scgi_temp_path ${directory}/scgi;
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 128;
    upstream web {
        server 127.0.0.1:${backends[0]};
        server 127.0.0.1:${backends[1]};
        keepalive 1024;
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
${layout === "one" ? routes : "    include conf.d/*.conf;"}
}
`,
  routes({ port }, from, to, generation) {
    let text = "";
    for (let index = from; index < to; index++)
      text += `    server { listen 127.0.0.1:${port}; server_name ${routeHost(index)}; location / { proxy_pass http://web; proxy_read_timeout ${30 + (generation % 2)}s; } }\n`;
    return text;
  },
  generation: ({ port, workers }, generation) => {
    const queues = workers > 1 ? " reuseport" : "";
    return `    server { listen 127.0.0.1:${port} backlog=4096${queues} default_server; ${answer(generation)} }\n`;
  },
  command: (binary, { directory }, main) => [binary, "-p", directory, "-c", main],
  async reload(pid) {
    process.kill(pid, "SIGHUP");
  },
  old: (tree) => tree.filter(({ parent }) => tree.some(({ pid }) => pid === parent)),
};
