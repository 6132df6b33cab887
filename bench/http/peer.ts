/** What the bench must know of a reverse proxy to start it with the common settings. */

/** Which configuration a cell needs. */
export interface Shape {
  readonly workers: number;
  readonly routes: number;
  /** What tells routes apart: the host, or the beginning of the path on one host (`routePrefix`). */
  readonly routedBy: "host" | "prefix";
  /** With a TLS listener beside the plain one. */
  readonly tls: boolean;
}

export interface Places {
  /** Directory of this peer, for its configuration, logs and state. */
  readonly directory: string;
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly adminPort: number;
  /** Ports of the two backends on 127.0.0.1. */
  readonly backends: readonly [number, number];
  /** PEM files: chain (leaf and issuer), its key, and both in one file. */
  readonly certificate: string;
  readonly key: string;
  readonly certificateAndKey: string;
  readonly openFiles: number;
}

export interface Command {
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File that gets standard output, at its end. */
  readonly stdoutFile?: string;
}

export interface Peer {
  readonly name: string;
  readonly label: string;
  /** Environment variable that names another binary (of Fairlead: another checkout). */
  readonly variable: string;
  /** It is built from a checkout: this one, or the one that the variable names. */
  readonly isCheckout: boolean;
  /** Name of the binary in PATH. */
  readonly program: string;
  /** Debian package that has it, where there is one. */
  readonly debianPackage: string | null;
  /** Name of the configuration file; its template in `configs/` has `.template` behind it. */
  readonly template: string;
  /** Arguments that make the binary print its version. */
  readonly versionArguments: readonly string[];
  /** The program to start; `config` is the path of the filled template. */
  command(binary: string, places: Places, shape: Shape, config: string): Command;
  /** Values of the template. */
  values(places: Places, shape: Shape): Record<string, string | number>;
  /** Further files to write into the directory, by name. */
  files?(places: Places, shape: Shape): Record<string, string>;
}

/** Lines made from route numbers. */
export function eachRoute(shape: Shape, line: (index: number) => string): string {
  return Array.from({ length: shape.routes }, (_, index) => line(index)).join("\n");
}
