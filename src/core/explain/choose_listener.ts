/** Which listener would a request for a URL come to? */
import { QuestionError, shown, type AskedUrl } from "./question.ts";

/** What is asked of a listener, with its real address. */
export interface OpenListener {
  readonly name: string;
  /** The host that it listens on, or `unix:/path`. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly tls: boolean;
}

export interface ChosenListener {
  readonly listener: OpenListener;
  /** In a few words. */
  readonly why: string;
  /** Names of those that it might as well be. */
  readonly others: readonly string[];
}

/**
 * The listener named, else by scheme and port, and by the address where the URL's host is one. A URL that names no port
 * may be meant for any listener of its scheme: something in front may change the port. Throws QuestionError when none
 * is left.
 */
export function chooseListener(
  listeners: readonly OpenListener[],
  url: AskedUrl,
  named: string | null,
): ChosenListener {
  if (named !== null) return chooseNamed(listeners, url, named);
  const ofScheme = listeners.filter(({ tls, port }) => tls === url.secure && port !== 0);
  const ofPort = ofScheme.filter(({ port }) => port === url.port);
  if (ofPort.length > 0) {
    const exact = ofPort.filter(({ address }) => address === url.host);
    return first(exact.length > 0 ? exact : ofPort, `takes ${schemeOf(url.secure)} on port ${url.port}`);
  }
  const other = listeners.find(({ port }) => port === url.port);
  if (other !== undefined)
    throw new QuestionError(
      `listener ${other.name} on port ${url.port} takes ${schemeOf(other.tls)} alone, not ${schemeOf(url.secure)}`,
    );
  if (url.namesPort)
    throw new QuestionError(`no listener is on port ${url.port}; there are ${listOf(listeners)}`);
  if (ofScheme.length === 0)
    throw new QuestionError(`no listener takes ${schemeOf(url.secure)}; there are ${listOf(listeners)}`);
  return first(ofScheme, `takes ${schemeOf(url.secure)}; none is on port ${url.port}`);
}

function chooseNamed(listeners: readonly OpenListener[], url: AskedUrl, named: string): ChosenListener {
  const listener = listeners.find(({ name }) => name === named);
  if (listener === undefined)
    throw new QuestionError(`no listener is named ${shown(named)}; there are ${listOf(listeners)}`);
  if (listener.tls !== url.secure)
    throw new QuestionError(
      `listener ${listener.name} takes ${schemeOf(listener.tls)} alone, not ${schemeOf(url.secure)}`,
    );
  return { listener, why: "named", others: [] };
}

function first([listener, ...others]: readonly OpenListener[], why: string): ChosenListener {
  return { listener: listener!, why, others: others.map(({ name }) => name) };
}

const schemeOf = (tls: boolean): string => (tls ? "https" : "http");

function listOf(listeners: readonly OpenListener[]): string {
  const texts = listeners.map(({ name, address, port, tls }) => {
    const where = port === 0 ? address : `port ${port}`;
    return `${name} (${schemeOf(tls)}, ${where})`;
  });
  return texts.length === 0 ? "none" : texts.join(", ");
}
