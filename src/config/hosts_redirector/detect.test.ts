import { expect, test } from "bun:test";
import { testParts } from "../test_parts.ts";
import { readYaml } from "../yaml_text.ts";
import { isHostsRedirectorFile, isLoadBalancerFile } from "./detect.ts";

test.each([
  ["", true],
  ["# all is commented out\n", true],
  ["log_level: DEBUG", true],
  ["log_level: DEBUG\nlog_levle: INFO", true],
  ["log_levle: INFO", true],
  ["hooks: []\nlocal_zone: a", true],
  ["listeners: {}", false],
  ["log_level: DEBUG\npools: {}", false],
  ["hosts: {}", false],
  ["name: a\nlocal_host: a.local", false],
  ["[]", false],
  ["text", false],
])("HF1/detection %p is a main file: %p", (text, expected) => {
  expect(isHostsRedirectorFile(readYaml(text).value, testParts)).toBe(expected);
});

test.each([
  ["name: a\nlocal_host: a.local", true],
  ["backend_hosts: []", true],
  ["name: a\nstrategy: random", false],
  ["", false],
  ["- local_host", false],
])("HF1/detection %p is a load balancer's file: %p", (text, expected) => {
  expect(isLoadBalancerFile(readYaml(text).value)).toBe(expected);
});
