import { expect, test } from "bun:test";
import { ORIGINAL_MARKERS, OWN_MARKERS } from "../core/text/hosts_markers.ts";
import { parseHosts, parseResolverFile, searchNames } from "./names_files.ts";

test("a hosts file: aliases, comments, both families, case, and lines that are none", () => {
  const text = `# comment
127.0.0.1\tlocalhost
::1 localhost ip6-localhost   # both
192.0.2.1  Web.Test web
  192.0.2.2 web.test. web.test
2001:DB8::1 web.test
fe80::1%eth0 web.test
300.1.1.1 web.test
192.0.2.3
`;
  const hosts = parseHosts(text);
  expect(hosts.get("localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(hosts.get("web.test")).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  expect(hosts.get("web")).toEqual(["192.0.2.1"]);
  expect(hosts.get("ip6-localhost")).toEqual(["::1"]);
  expect(hosts.size).toBe(4);
});

test("a resolver file: servers, search list, ndots, and what it has when it says nothing", () => {
  const text = `; comment
nameserver 192.0.2.53 # first
nameserver 2001:db8::53
nameserver none
nameserver 192.0.2.54
nameserver 192.0.2.55
domain old.example
search NS.svc.cluster.local. svc.cluster.local
options timeout:1 ndots:5
`;
  expect(parseResolverFile(text)).toEqual({
    servers: ["192.0.2.53", "2001:db8::53", "192.0.2.54"],
    search: ["ns.svc.cluster.local", "svc.cluster.local"],
    ndots: 5,
  });
  expect(parseResolverFile("")).toEqual({ servers: ["127.0.0.1"], search: [], ndots: 1 });
  expect(parseResolverFile("options ndots:99").ndots).toBe(15);
});

test("the search list comes first for names with few dots, last for others, and never for absolute names", () => {
  const file = { servers: [], search: ["a.test", "b.test"], ndots: 2 };
  expect(searchNames("web", file)).toEqual(["web.a.test", "web.b.test", "web"]);
  expect(searchNames("web.x.y", file)).toEqual(["web.x.y", "web.x.y.a.test", "web.x.y.b.test"]);
  expect(searchNames("web.", file)).toEqual(["web"]);
});

test("HF17 what a managed block says is never an answer, whoever's block it is and however its lines end", () => {
  for (const { begin, end } of [OWN_MARKERS, ORIGINAL_MARKERS])
    for (const eol of ["\n", "\r\n"]) {
      const lines = [
        "192.0.2.1 web.test",
        begin,
        "192.0.2.2 web.test",
        "192.0.2.3 db.test",
        end,
        "192.0.2.4 log.test",
      ];
      expect([...parseHosts(lines.join(eol))]).toEqual([
        ["web.test", ["192.0.2.1"]],
        ["log.test", ["192.0.2.4"]],
      ]);
    }
});

test("HF17 the blocks of two programs are both passed over", () => {
  const block = ({ begin, end }: typeof OWN_MARKERS): string => `${begin}\n192.0.2.2 web.test\n${end}\n`;
  for (const text of [
    block(OWN_MARKERS) + block(ORIGINAL_MARKERS),
    block(ORIGINAL_MARKERS) + block(OWN_MARKERS),
  ])
    expect([...parseHosts(`${text}192.0.2.1 web.test\n`)]).toEqual([["web.test", ["192.0.2.1"]]]);
});

test("HF17 a block without an end, an end alone and what only looks like a marker hide nothing", () => {
  const { begin, end } = OWN_MARKERS;
  const line = "192.0.2.1 web.test";
  for (const lines of [
    [begin, line],
    [end, line],
    [end, line, begin],
    [` ${begin}`, line, end],
    [begin, line, `${end} x`],
  ])
    expect(parseHosts(lines.join("\n")).get("web.test")).toEqual(["192.0.2.1"]);
});
