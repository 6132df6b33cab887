/** Requests that the demo sends by itself, so that the counts move. */

const TICK_MS = 50;
/** Above this the proxy is slower than the wish, and the wish waits. */
const MOST_IN_FLIGHT = 256;

export interface TrafficTargets {
  readonly plain: string;
  readonly tls: string;
  /** PEM of the certificate that the TLS listener has. */
  readonly certificate: string;
}

/** Sends `perSecond` requests per second, some over TLS, until the returned function is called. */
export function startTraffic({ plain, tls, certificate }: TrafficTargets, perSecond: number): () => void {
  const urls = [`${plain}/whoami`, `${plain}/api/orders?id=7`, `${plain}/`, `${tls}/whoami`];
  const options = { tls: { ca: certificate } };
  let inFlight = 0;
  let sent = 0;
  let owed = 0;
  const send = async (url: string): Promise<void> => {
    inFlight++;
    try {
      await (await fetch(url, options)).bytes();
    } catch {
      // The counts show it.
    } finally {
      inFlight--;
    }
  };
  const timer = setInterval(() => {
    owed += (perSecond * TICK_MS) / 1_000;
    for (; owed >= 1; owed--) if (inFlight < MOST_IN_FLIGHT) void send(urls[sent++ % urls.length]!);
  }, TICK_MS);
  return () => clearInterval(timer);
}
