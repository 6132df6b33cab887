/** Tries once whether the runtime's undocumented ways of TLS still work, on a connection of our own. */
import { acceptOn, openListeningSocket } from "./sockets.ts";
import {
  acceptTls,
  nativeContext,
  upgradeServer,
  type SocketContext,
  type TlsServerHandlers,
} from "./tls_hooks.ts";
import { nodeTls } from "./tls_modules.ts";

/** Which ways of `tls_hooks.ts` may be used. */
export interface TlsEngines {
  /** `acceptTls` */
  readonly listener: boolean;
  /** `upgradeServer` */
  readonly upgrade: boolean;
}

export const ALL_TLS_ENGINES: TlsEngines = { listener: true, upgrade: true };
export const NO_TLS_ENGINES: TlsEngines = { listener: false, upgrade: false };

const DEADLINE_MS = 2_000;
const NAME = "self-check.invalid";
const PROTOCOL = "check";

let result: Promise<TlsEngines> | null = null;

/**
 * Answers which ways work, after a handshake by each (some milliseconds, the first time only). What does not even
 * start, for example without a loopback interface, counts as not working: node:tls then does the work.
 */
export function checkTlsEngines(): Promise<TlsEngines> {
  result ??= checkOnce();
  return result;
}

async function checkOnce(): Promise<TlsEngines> {
  const contexts = checkContexts();
  const [listener, upgrade] = await Promise.all([
    works(listenerAnswers, contexts),
    works(upgradeAnswers, contexts),
  ]);
  return { listener, upgrade };
}

type Check = (contexts: CheckContexts) => Promise<boolean>;

async function works(check: Check, contexts: Promise<CheckContexts>): Promise<boolean> {
  try {
    return await check(await contexts);
  } catch {
    return false;
  }
}

interface CheckContexts {
  readonly other: SocketContext;
  readonly named: SocketContext;
  /** The certificate of `named`, which is its own authority. */
  readonly authority: string;
}

async function checkContexts(): Promise<CheckContexts> {
  const { issueCertificate } = await import("./issue_certificate.ts");
  const context = ({ cert, key }: { readonly cert: string; readonly key: string }) => {
    const native = nativeContext(nodeTls().createSecureContext({ cert, key, ca: cert }));
    return { native, requestCert: false, rejectUnauthorized: false };
  };
  const [other, named] = ["other.invalid", NAME].map((commonName) =>
    issueCertificate({ commonName, names: [commonName] }),
  );
  return { other: context(other!), named: context(named!), authority: named!.cert };
}

/** Answers each byte with one, once the handshake is over. */
const echo: TlsServerHandlers<null> = {
  open() {},
  handshake() {},
  data: (socket, bytes) => void socket.write(bytes, 0, bytes.length),
  drain() {},
  end(socket) {
    socket.end();
  },
  close() {},
  error() {},
};

async function listenerAnswers({ other, named, authority }: CheckContexts): Promise<boolean> {
  const { fd, port } = loopbackSocket();
  const listener = acceptTls<null>(fd, 4, {
    data: null,
    context: other,
    alpn: [PROTOCOL],
    find: (name) => (name === NAME ? named : null),
    socket: echo,
  });
  return answersAsNamed(port, authority).finally(() => listener.stop(true));
}

async function upgradeAnswers({ named, authority }: CheckContexts): Promise<boolean> {
  const { fd, port } = loopbackSocket();
  const listener = acceptOn<"raw" | "upgraded">(fd, 4, {
    data: "raw",
    socket: {
      data(socket, received) {
        if (socket.data === "upgraded") return;
        socket.data = "upgraded";
        upgradeServer(socket, { data: null, context: named, alpn: [PROTOCOL], received, socket: echo });
      },
      error(socket) {
        socket.terminate();
      },
    },
  });
  return answersAsNamed(port, authority).finally(() => listener.stop(true));
}

function loopbackSocket(): { fd: number; port: number } {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false } as const;
  return openListeningSocket(address, { backlog: 4, reusePort: false, exclusive: false });
}

/** True when the server on `port` shows the certificate of NAME, takes the protocol and gives a byte back. */
async function answersAsNamed(port: number, ca: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let named = false;
  const timer = setTimeout(() => resolve(false), DEADLINE_MS);
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    tls: {
      serverName: NAME,
      // Without an authority the client would read all those of the runtime: milliseconds and megabytes for nothing.
      ca,
      rejectUnauthorized: false,
      ALPNProtocols: `${String.fromCharCode(PROTOCOL.length)}${PROTOCOL}`,
    },
    socket: {
      handshake(socket) {
        const subject = socket.getPeerCertificate() as { subject?: { CN?: string } } | undefined;
        const { alpnProtocol } = socket as unknown as { alpnProtocol: string | false };
        named = subject?.subject?.CN === NAME && alpnProtocol === PROTOCOL;
        socket.write("x");
      },
      data: () => resolve(named),
      close: () => resolve(false),
      error: () => resolve(false),
      connectError: () => resolve(false),
    },
  });
  return promise.finally(() => {
    clearTimeout(timer);
    client.terminate();
  });
}
