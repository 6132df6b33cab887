/** What a demo tells its user to open and to try. */
import { DEMO_HOST } from "./addresses.ts";
import type { DemoBackend } from "./backends.ts";
import type { DemoPlace } from "./place.ts";

export interface DemoPorts {
  readonly web: number;
  readonly secure: number;
  /** `address:port` of the admin server. */
  readonly admin: string;
}

const HANDSHAKE =
  "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: ZmFpcmxlYWQgZGVtbyAxNg=='";

/** Lines that end with a line feed. Each line of "try" is a complete command of a shell. */
export function instructions(
  place: DemoPlace,
  backends: readonly DemoBackend[],
  { web, secure, admin }: DemoPorts,
): string {
  const plain = `http://${DEMO_HOST}:${web}`;
  const tls = `https://${DEMO_HOST}:${secure}`;
  return `Fairlead demo: ${backends.length} backends, 2 routes

open in a browser
  ${plain}/
  ${tls}/    (self-signed: the browser will warn)

try
  curl -s ${plain}/whoami    # again: site1 has twice the weight of site2
  curl -s '${plain}/api/orders?id=7'    # the second route: the request as its backend sees it
  curl -s --cacert ${place.certificate} ${tls}/whoami
  curl -sN ${plain}/events    # server-sent events, one per second
  curl -siN --max-time 2 ${HANDSHAKE} ${plain}/echo    # a WebSocket's handshake and first message
  curl -s -d down http://${backends[0]!.host}:${backends[0]!.port}/healthz    # ${backends[0]!.id} fails its health check; "-d up" ends that
  cat ${place.hostsFile}    # the name site.demo leads to a healthy backend, without a proxy in between
  curl -s http://${admin}/metrics

look at
  ${place.configuration}    (a change is in force when you save it)
  ${place.log}

"npm start -- --traffic 50" sends 50 requests per second by itself. Ctrl-C ends the demo and removes its files.

`;
}
