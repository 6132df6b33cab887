/** The two sockets of the responder: UDP and TCP on the same port. */
import { openListeningSocket, type ListeningSocket } from "../../../platform/sockets.ts";
import { bindUdp, type BoundUdpSocket, type UdpAddress } from "../../../platform/udp.ts";

export const BACKLOG = 128;
/** Ports tried where any one will do: a port that is free for UDP may be taken for TCP. */
const PORT_TRIES = 16;

export interface DnsSockets {
  readonly udp: BoundUdpSocket;
  readonly tcp: ListeningSocket;
}

/** Binds both. Throws ListenError. */
export async function openSockets(address: UdpAddress): Promise<DnsSockets> {
  for (let tries = 1; ; tries++) {
    const udp = await bindUdp(address);
    try {
      const local = { kind: "tcp", host: address.host, port: udp.port, dual_stack: false } as const;
      const tcp = openListeningSocket(local, { backlog: BACKLOG, reusePort: false, exclusive: false });
      return { udp, tcp };
    } catch (error) {
      udp.close();
      if (address.port !== 0 || tries === PORT_TRIES) throw error;
    }
  }
}
