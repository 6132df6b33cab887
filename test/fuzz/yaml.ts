/** Fuzz entry of the YAML readers: the fast one and the thorough one must agree on any bytes. */
import { fuzzYaml } from "../../src/config/yaml_fuzz.ts";
import type { FuzzEntry } from "./engine.ts";

const SEEDS: readonly string[] = [
  'listeners:\n  web: { address: ":8080", trusted_proxies: [10.0.0.0/8, 127.0.0.1] }\n',
  'pools:\n  web:\n    backends:\n    - url: http://127.0.0.1:9001\n      weight: 2\n    -   url: "x"\n        weight: -1.5\n',
  "routes: [\n    { match: Host(`a`) && PathPrefix(`/x`), pool: web },  # note\n    { match: 'it''s', pool: web },\n  ]\n",
  "---\n# note\ntext: |\n  first\n    second\n\n  third\nfolded: >-\n  a\n  b\nlast: true\n",
  "a: &x [1, 0x10, 1e3, .inf, ~, null, yes]\nb: *x\n<<: { c: 1 }\n? d\n: e\n",
  '"a b": "\\u00e9\\n\\x41"\n\'c\': !!str 1\n- 1\n',
  "a:\n- b\n- - c\n  - d: [e, {f: g}]\n",
];

const TOKENS: readonly string[] = [
  ..."--- ... ? - , [ ] { } & * # ! | > ' \" % @ ` << ~ null true false 0o17 0x1F .5 -.inf .nan !!str !!int %YAML".split(
    " ",
  ),
  ..."__proto__ &a *a |- >+ |2 \\x41 \\u00e9 '' \ufeff".split(" "),
  ": ",
  "- ",
  "\n",
  "\n  ",
  "\n    ",
  " #",
  "\t",
  "\r\n",
];

export const yaml: FuzzEntry = {
  name: "yaml",
  seeds: () => SEEDS.map((seed) => new TextEncoder().encode(seed)),
  run: fuzzYaml,
  tokens: TOKENS,
  // The thorough reader's time grows faster than the number of aliases and errors in a text.
  maxLength: 512,
};
