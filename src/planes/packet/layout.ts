/** Generated from bpf/layout.h by `bun tools/bpf.ts build`: what each constant and field means stands there. */
import { Struct } from "../../kernel/struct.ts";

export const ROLE_FRONTEND = 1;
export const ROLE_BACKEND = 2;
export const ABSENT_REJECT = 0;
export const ABSENT_DROP = 1;
export const ABSENT_PASS = 2;
export const BACKEND_DOWN = 1;
export const BACKEND_LEAVING = 2;
export const FLOW_FORWARD = 1;
export const FLOW_ANSWERED = 2;
export const FLOW_CLOSING = 4;
export const COUNT_PASSED = 0;
export const COUNT_NEW_FLOW = 1;
export const COUNT_PROMOTED = 2;
export const COUNT_NO_BACKEND = 3;
export const COUNT_BACKEND_DOWN = 4;
export const COUNT_MALFORMED = 5;
export const COUNT_FRAGMENT = 6;
export const COUNT_TABLE_FULL = 7;
export const COUNT_NO_ROOM = 8;
export const COUNT_WAYS_TAKEN = 9;
export const COUNT_ECHO_ANSWERED = 10;
export const COUNT_OTHER_PORT = 11;
export const COUNTS = 16;

export const service_key4 = new Struct(8, {
  vip: [0, 4, "bytes"],
  port: [4, 2, "network"],
  protocol: [6, 1, "number"],
});

export const service_key6 = new Struct(20, {
  vip: [0, 16, "bytes"],
  port: [16, 2, "network"],
  protocol: [18, 1, "number"],
});

export const service = new Struct(12, {
  id: [0, 4, "number"],
  affinity: [4, 4, "number"],
  no_backend: [8, 1, "number"],
});

export const vip = new Struct(4, {
  other_ports: [0, 1, "number"],
  answers_echo: [1, 1, "number"],
});

export const ring = new Struct(8, {
  offset: [0, 4, "number"],
  length: [4, 4, "number"],
});

export const backend = new Struct(24, {
  address: [0, 16, "bytes"],
  port: [16, 2, "network"],
  flags: [18, 2, "number"],
  generation: [20, 4, "number"],
});

export const flow_key4 = new Struct(16, {
  source: [0, 4, "bytes"],
  target: [4, 4, "bytes"],
  source_port: [8, 2, "network"],
  target_port: [10, 2, "network"],
  protocol: [12, 1, "number"],
});

export const flow_key6 = new Struct(40, {
  source: [0, 16, "bytes"],
  target: [16, 16, "bytes"],
  source_port: [32, 2, "network"],
  target_port: [34, 2, "network"],
  protocol: [36, 1, "number"],
});

export const flow4 = new Struct(32, {
  address: [0, 4, "bytes"],
  port: [4, 2, "network"],
  flags: [6, 2, "number"],
  backend: [8, 4, "number"],
  generation: [12, 4, "number"],
  service: [16, 4, "number"],
  seen: [20, 4, "number"],
  frontend: [24, 4, "number"],
});

export const flow6 = new Struct(40, {
  address: [0, 16, "bytes"],
  port: [16, 2, "network"],
  flags: [18, 2, "number"],
  backend: [20, 4, "number"],
  generation: [24, 4, "number"],
  service: [28, 4, "number"],
  seen: [32, 4, "number"],
  frontend: [36, 4, "number"],
});

export const affinity_key4 = new Struct(8, {
  client: [0, 4, "bytes"],
  service: [4, 4, "number"],
});

export const affinity_key6 = new Struct(20, {
  client: [0, 16, "bytes"],
  service: [16, 4, "number"],
});

export const affinity = new Struct(12, {
  backend: [0, 4, "number"],
  generation: [4, 4, "number"],
  seen: [8, 4, "number"],
});

export const port = new Struct(12, {
  interface: [0, 4, "number"],
  role: [4, 4, "number"],
  opposite: [8, 4, "number"],
});

export const traffic = new Struct(24, {
  packets: [0, 8, "number"],
  bytes: [8, 8, "number"],
  flows: [16, 8, "number"],
});

export const timeouts = new Struct(24, {
  half_open: [0, 4, "number"],
  established: [4, 4, "number"],
  closing: [8, 4, "number"],
  udp_unanswered: [12, 4, "number"],
  udp_answered: [16, 4, "number"],
  echo: [20, 4, "number"],
});
