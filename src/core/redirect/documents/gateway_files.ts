/** Small files of the original's gateway: its applications, versions of models, and hosts by stack. */
import { Fields, readMembers, textOf, trimmed } from "./fields.ts";
import type { DocumentKind } from "./kind.ts";
import type { DocumentNode } from "./node.ts";
import { readVersion } from "./named_lists.ts";
import { quoted, type Reading } from "./reading.ts";
import { listedTexts, listOf, optionalText, text } from "./written.ts";

/** `applications.json`: `{"apps": ["a1"]}` */
export const applicationsDocument: DocumentKind<readonly string[]> = {
  name: "names of applications",
  roots: [],
  read(node, reading) {
    const names = new Set<string>();
    readMembers(node, reading, {
      apps(member) {
        const name = reading.part(null, () => trimmed(textOf(member, reading)));
        if (name === "") reading.problem(member, "is blank; expected the name of an application");
        else if (name !== null) names.add(name);
      },
    });
    return [...names];
  },
  write: (names) => listedTexts("apps", names),
};

/** `modelmetadata.json`: `{"version": 7}`, the version of the model beside it. */
export const modelMetadataDocument: DocumentKind<number> = {
  name: "the version of a model",
  roots: [],
  read(node, reading) {
    let version: number | null = null;
    readMembers(node, reading, { version: (member) => (version = readVersion(member, reading)) });
    if (version === null) reading.problem(node, "has no version; expected a whole number");
    return version;
  },
  write: (version) => [text("version", version)],
};

/** The hosts of an application on one stack, as they were last seen. */
export interface StackSnapshot {
  /** `/datacenter/zone/flavor/application` */
  readonly path: string;
  readonly hosts: readonly HostSnapshot[];
}

export interface HostSnapshot {
  /** What it registered as; null in the original's files, which do not say it. */
  readonly id: string | null;
  /** An address, or a host name; null where there is only an IPv6 address. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** As it was registered; null = none was. */
  readonly weight: string | null;
}

const FULL_PATH = /^(?:\/[^/]+){4}$/;

/** `stacks.json` and `manualbackup.json`: `{"version": 0, "snapshotList": [{"path", "hosts": [{"ipv4"}]}]}` */
export const stacksDocument: DocumentKind<readonly StackSnapshot[]> = {
  name: "hosts by stack",
  roots: [],
  read(node, reading) {
    const stacks: StackSnapshot[] = [];
    readMembers(node, reading, {
      version: () => {},
      snapshotList(member) {
        const stack = readStack(member, reading);
        if (stack !== null) stacks.push(stack);
      },
    });
    return stacks;
  },
  write: (stacks) => [
    text("version", 0),
    ...listOf(
      "snapshotList",
      stacks.map(({ path, hosts }) => [text("path", path), ...listOf("hosts", hosts.map(writeHost))]),
    ),
  ],
};

function readStack(node: DocumentNode, reading: Reading): StackSnapshot | null {
  return reading.part("stack", () => {
    const fields = new Fields(node, reading);
    const path = fields.text("path") ?? "";
    if (!FULL_PATH.test(path))
      reading.problem(node, `has the path ${quoted(path)}; expected one such as /EU/z1/1.0/application`);
    const hosts = fields.all("hosts").map((host) => readHost(host, reading));
    fields.done();
    return { path, hosts };
  });
}

function readHost(node: DocumentNode, reading: Reading): HostSnapshot {
  const fields = new Fields(node, reading);
  const host = {
    id: fields.filled("id"),
    ipv4: fields.filled("ipv4"),
    ipv6: fields.filled("ipv6"),
    weight: fields.filled("weight"),
  };
  if (host.ipv4 === null && host.ipv6 === null)
    reading.problem(node, "has no address; expected ipv4 or ipv6");
  fields.done();
  return host;
}

function writeHost({ id, ipv4, ipv6, weight }: HostSnapshot) {
  return [
    ...optionalText("id", id),
    ...optionalText("ipv4", ipv4),
    ...optionalText("ipv6", ipv6),
    ...optionalText("weight", weight),
  ];
}
