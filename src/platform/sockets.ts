/**
 * Listening sockets, made by system calls so that we choose the backlog, can hold several sockets of one address
 * (SO_REUSEPORT), pass them between processes and retire an address without losing a queued connection.
 */
import { messageOf } from "../core/text/message_of.ts";
import { chmodSync, chownSync, existsSync, lstatSync, readFileSync, rmSync } from "node:fs";
import type { ListenAddress } from "../core/plan.ts";
import {
  checked,
  duplicate,
  errno,
  errnoName,
  libc,
  reserve,
  setSocketOption,
  SystemCallError,
} from "./libc.ts";
import { groupId, userId } from "./processes.ts";
import { AF_INET6, AF_UNIX, hostOf, portOf, socketAddress, type SocketAddress } from "./socket_address.ts";
import { portHolder } from "./socket_holder.ts";

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_PEERCRED = 17;
const SO_ATTACH_FILTER = 26;
const IPPROTO_TCP = 6;
const TCP_DEFER_ACCEPT = 9;
/** The kernel counts in retransmissions of its SYN-ACK: this is one, sent after a second. */
const DEFER_SECONDS = 1;
const TCP_INFO = 11;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** SOCK_STREAM with SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM = 1 | 0o4000 | 0o2000000;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;
const EAFNOSUPPORT = 97;
const EACCES = 13;
const ECONNREFUSED = 111;
const ENOENT = 2;

/** A line of /proc/net/tcp in state SYN_RECV: number, local address and port, remote ones, state (proc(5)). */
const SYN_RECEIVED = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 03 /gm;

const name = reserve(112);
const nameLength = reserve(16);
const info = reserve(112);
const filter = reserve(64);
const pollEntry = reserve(16);

/** A listening socket that we own. `host` and `port` are the real ones (port 0 has become a number). */
export interface ListeningSocket {
  readonly fd: number;
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
}

export interface ListenOptions {
  readonly backlog: number;
  /** Other sockets of ours may listen on the same address; connections are spread over them. */
  readonly reusePort: boolean;
  /**
   * Refuse when any socket of this machine listens on the address already. Only the first socket of an address asks
   * for this: SO_REUSEPORT would otherwise share the port with another program of the same user without a word.
   */
  readonly exclusive: boolean;
  /** See `deferAccept`. */
  readonly deferAccept?: boolean;
  /** The socket has the address and takes no connection before `setBacklog`. */
  readonly waits?: boolean;
}

/** A local address that cannot be used; the message is one sentence for the operator. */
export class ListenError extends Error {
  readonly code: number;

  constructor(address: string, code: number, why: string) {
    super(`cannot listen on ${address}: ${why}`);
    this.name = "ListenError";
    this.code = code;
  }
}

/** Address as users write it: `127.0.0.1:80`, `:80` for dual stack, `unix:/path`. */
export function listenAddressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.dual_stack) return `:${address.port}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Makes a socket that listens on `address`. A dual-stack address takes IPv4 and IPv6 on one socket, and IPv4 only where
 * the machine has no IPv6. Throws ListenError.
 */
export function openListeningSocket(address: ListenAddress, options: ListenOptions): ListeningSocket {
  return address.kind === "unix" ? openUnix(address, options.backlog) : openTcp(address, options);
}

function openTcp(address: ListenAddress & { kind: "tcp" }, options: ListenOptions): ListeningSocket {
  const text = listenAddressText(address);
  const hosts = address.dual_stack ? ["::", "0.0.0.0"] : [address.host];
  let last = 0;
  for (const host of hosts) {
    const target = socketAddress({ kind: "tcp", host, port: address.port });
    try {
      if (options.exclusive && address.port !== 0) libc.close(boundSocket(target, address.dual_stack, false));
      const fd = boundSocket(target, address.dual_stack, options.reusePort);
      return listening(fd, options);
    } catch (error) {
      last = error instanceof SystemCallError ? error.code : EACCES;
      if (last !== EAFNOSUPPORT && last !== EADDRNOTAVAIL) break;
    }
  }
  throw new ListenError(text, last, reasonText(last, address.port));
}

/** A TCP socket bound to `target` that does not listen yet. Throws SystemCallError. */
function boundSocket(target: SocketAddress, dualStack: boolean, reusePort: boolean): number {
  const fd = checked("socket", libc.socket(target.family, STREAM, 0));
  setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (reusePort) setSocketOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (target.family === AF_INET6) setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, dualStack ? 0 : 1);
  return bindTo(fd, target);
}

/** Binds, or closes the socket and throws SystemCallError. */
function bindTo(fd: number, target: SocketAddress): number {
  name.bytes.set(target.bytes);
  if (libc.bind(fd, name.address, target.bytes.length) === 0) return fd;
  const code = errno();
  libc.close(fd);
  throw new SystemCallError("bind", code);
}

/** Starts to listen, or closes the socket and throws SystemCallError. */
function listening(fd: number, options: ListenOptions): ListeningSocket {
  if (options.deferAccept === true) deferAccept(fd, true);
  if (options.waits !== true && libc.listen(fd, options.backlog) !== 0) {
    const code = errno();
    libc.close(fd);
    throw new SystemCallError("listen", code);
  }
  return { fd, ...localAddress(fd) };
}

/** A listening socket that another process has made. Throws SystemCallError when `fd` is no socket. */
export function knownListeningSocket(fd: number): ListeningSocket {
  return { fd, ...localAddress(fd) };
}

/** Sets the backlog of a listening socket anew, or lets one that waits listen. */
export function setBacklog(fd: number, backlog: number): void {
  libc.listen(fd, backlog);
}

/**
 * Lets the kernel keep connections back until their first byte is there, but no longer than about a second
 * (TCP_DEFER_ACCEPT, tcp(7)): accept and read then come in one turn, and who connects and says nothing costs a process
 * nothing. Only where the client speaks first. Unix sockets know no such thing and stay as they are.
 */
export function deferAccept(fd: number, on: boolean): void {
  setSocketOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, on ? DEFER_SECONDS : 0);
}

function localAddress(fd: number): { host: string; port: number } {
  nameLength.int32[0] = 112;
  checked("getsockname", libc.getsockname(fd, name.address, nameLength.address));
  return name.bytes[0] === AF_UNIX
    ? { host: "", port: 0 }
    : { host: hostOf(name.bytes), port: portOf(name.bytes) };
}

function reasonText(code: number, port: number): string {
  switch (code) {
    case EADDRINUSE: {
      const holder = portHolder(port);
      return holder === null ? "the address is in use" : `the address is in use by ${holder}`;
    }
    case EACCES:
      return "permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
    case EADDRNOTAVAIL:
      return "the address does not belong to this machine";
    case EAFNOSUPPORT:
      return "this machine has no IPv6";
    default:
      return errnoName(code);
  }
}

type UnixAddress = ListenAddress & { kind: "unix" };

/**
 * Makes a unix socket file with its mode and owner before anybody can connect. A file that no process listens on is
 * replaced; a living socket, and a file that is no socket, are left alone and refused.
 */
function openUnix(address: UnixAddress, backlog: number): ListeningSocket {
  const text = listenAddressText(address);
  try {
    const target = socketAddress({ kind: "unix", path: address.path });
    if (!address.path.startsWith("@")) removeStale(address.path, target, text);
    const fd = checked("socket", libc.socket(AF_UNIX, STREAM, 0));
    const before = process.umask(0o177);
    try {
      bindTo(fd, target);
    } finally {
      process.umask(before);
    }
    try {
      setUnixOwnership(address, before);
    } catch (error) {
      libc.close(fd);
      rmSync(address.path, { force: true });
      throw error;
    }
    return listening(fd, { backlog, reusePort: false, exclusive: false });
  } catch (error) {
    if (error instanceof ListenError) throw error;
    const code = error instanceof SystemCallError ? error.code : 0;
    if (code === EADDRINUSE) throw new ListenError(text, code, "the address is in use");
    if (code === EACCES) throw new ListenError(text, code, "permission denied");
    if (code === ENOENT) throw new ListenError(text, code, "the directory does not exist");
    throw new ListenError(text, code, messageOf(error));
  }
}

/** The mask of this process: to read it, it must be set. Nothing else runs in between. */
function currentUmask(): number {
  const mask = process.umask(0o077);
  process.umask(mask);
  return mask;
}

/**
 * Gives a unix socket file its owner and mode; a mode of null is what the process would give any file. Throws when a
 * user or group is unknown or the kernel refuses.
 */
export function setUnixOwnership(address: UnixAddress, umask: number = currentUmask()): void {
  if (address.path.startsWith("@")) return;
  if (address.user !== null || address.group !== null) {
    const group = address.group === null ? -1 : groupId(address.group);
    chownSync(address.path, address.user === null ? -1 : userId(address.user), group);
  }
  chmodSync(address.path, address.mode ?? 0o777 & ~umask);
}

/** Removes a socket file that nobody listens on. Throws ListenError when it is alive or no socket. */
function removeStale(path: string, target: SocketAddress, text: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new ListenError(text, EADDRINUSE, "a file that is no socket stands there");
  const fd = checked("socket", libc.socket(AF_UNIX, STREAM, 0));
  name.bytes.set(target.bytes);
  const code = libc.connect(fd, name.address, target.bytes.length) === 0 ? 0 : errno();
  libc.close(fd);
  if (code !== ECONNREFUSED) throw new ListenError(text, EADDRINUSE, "a living process listens there");
  rmSync(path, { force: true });
}

/** Closes a descriptor; one that is not open is not an error. */
export function closeDescriptor(fd: number): void {
  libc.close(fd);
}

/**
 * Accepts on a listening socket that was made here or came from another process. Takes over `fd` (stop() closes it) and
 * sets the backlog again, which Bun.listen lowers to 511. Throws when this process accepts on that descriptor already.
 */
export function acceptOn<Data>(
  fd: number,
  backlog: number,
  options: { readonly socket: Bun.SocketHandler<Data>; readonly data?: Data; readonly tls?: Bun.TLSOptions },
): Bun.TCPSocketListener<Data> {
  const listener = Bun.listen<Data>({ ...options, fd, allowHalfOpen: true } as never);
  setBacklog(fd, backlog);
  return listener as unknown as Bun.TCPSocketListener<Data>;
}

/** The same socket under a second descriptor. Throws SystemCallError. */
export function duplicateSocket(fd: number): number {
  return duplicate(fd);
}

/**
 * Makes a listening TCP socket ignore new connections (SYN segments are dropped, so that clients try again) while
 * handshakes that have begun go on, and are not kept back for a first byte: the first step of retiring an address. Needs
 * no privilege. Does nothing for unix sockets: their file is removed instead.
 */
export function refuseNewConnections(fd: number): boolean {
  deferAccept(fd, false);
  // Classic BPF over the TCP header: load the flags, keep SYN and ACK, drop when only SYN is set.
  const program: readonly (readonly [number, number, number, number])[] = [
    [0x30, 0, 0, 13],
    [0x54, 0, 0, 0x12],
    [0x15, 0, 1, 0x02],
    [0x06, 0, 0, 0],
    [0x06, 0, 0, 0xffffffff],
  ];
  for (const [index, [code, whenTrue, whenFalse, value]] of program.entries()) {
    const at = 16 + index * 8;
    filter.view.setUint16(at, code, true);
    filter.bytes[at + 2] = whenTrue;
    filter.bytes[at + 3] = whenFalse;
    filter.view.setUint32(at + 4, value, true);
  }
  filter.view.setBigUint64(0, BigInt(program.length), true);
  filter.view.setBigUint64(8, BigInt(filter.address) + 16n, true);
  return libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter.address, 16) === 0;
}

/** Connections that wait to be accepted. For a unix socket 1 stands for any number. */
export function queuedConnections(fd: number): number {
  // struct tcp_info of a listening socket: tcpi_unacked (bytes 24 to 27) is the length of the accept queue.
  nameLength.int32[0] = 104;
  if (libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info.address, nameLength.address) === 0)
    return info.view.getInt32(24, true);
  const POLLIN = 1;
  pollEntry.int32[0] = fd;
  pollEntry.int32[1] = POLLIN;
  return libc.poll(pollEntry.address, 1, 0) > 0 ? 1 : 0;
}

/**
 * Handshakes that have begun on the TCP ports of these listening sockets and are in no queue yet, from the tables of the
 * kernel: a connection that `deferAccept` keeps back is one of them. Other sockets on the same port count too.
 */
export function openHandshakes(listening: readonly number[]): number {
  const ports = new Set(listening.map((fd) => localAddress(fd).port).filter((port) => port > 0));
  if (ports.size === 0) return 0;
  let found = 0;
  for (const table of ["/proc/self/net/tcp", "/proc/self/net/tcp6"]) {
    const text = existsSync(table) ? readFileSync(table, "latin1") : "";
    for (const [, port] of text.matchAll(SYN_RECEIVED)) if (ports.has(Number.parseInt(port!, 16))) found++;
  }
  return found;
}

/** Who is on the other end of a connected unix socket (SO_PEERCRED), or null when the kernel does not say. */
export function peerCredentials(fd: number): { pid: number; uid: number; gid: number } | null {
  nameLength.int32[0] = 12;
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, name.address, nameLength.address) !== 0) return null;
  const [pid = 0, uid = -1, gid = -1] = name.int32;
  return { pid, uid, gid };
}
