/** What all areas of one run share. */
import type { Backends } from "../http/backends.ts";
import type { Say } from "../http/context.ts";
import { freePorts } from "../http/ports.ts";
import type { FoundPeer } from "../http/programs.ts";
import type { Workplace } from "../http/workplace.ts";
import type { Figures } from "./figure.ts";
import type { Options } from "./options.ts";
import { Running, type Layout, type Place, type Subject } from "./subject.ts";

export interface FoundSubject {
  readonly subject: Subject;
  readonly found: FoundPeer;
}

export interface Context {
  readonly options: Options;
  readonly workplace: Workplace;
  readonly backends: Backends;
  readonly openFiles: number;
  readonly figures: Figures;
  readonly subjects: readonly FoundSubject[];
  readonly problems: string[];
  readonly say: Say;
}

let places = 0;

/** A directory and ports of its own. */
export function newPlace({ options, workplace, backends, openFiles }: Context): Place {
  const [port, adminPort] = freePorts(2) as [number, number];
  const directory = workplace.make(`operations-${++places}`);
  return { directory, port, adminPort, backends: backends.ports, workers: options.workers, openFiles };
}

export function startSubject(
  context: Context,
  { subject, found }: FoundSubject,
  layout: Layout,
): Promise<Running> {
  return Running.start(subject, found.binary, newPlace(context), layout);
}
