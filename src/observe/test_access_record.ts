/** Access records for tests and the benchmark, from a request as text (latin1). */
import { type AccessRecord, POSITIONS_PER_FIELD } from "./access_record.ts";

export interface TestRequest {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly id?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

/** Nothing is checked: values may hold any byte. */
export function testRecord(
  request: TestRequest = {},
  rest: Partial<AccessRecord> = {},
): Mutable<AccessRecord> {
  const { method = "GET", target = "/", host = "example.com", id = "id", fields = [] } = request;
  const all = [["Host", host] as const, ...fields];
  let text = `${method} ${target} HTTP/1.1\r\n`;
  const positions = new Int32Array(all.length * POSITIONS_PER_FIELD);
  for (const [index, [name, value]] of all.entries()) {
    const start = text.length;
    const valueStart = start + name.length + 2;
    positions.set(
      [start, start + name.length, valueStart, valueStart + value.length],
      index * POSITIONS_PER_FIELD,
    );
    text += `${name}: ${value}\r\n`;
  }
  const targetFrom = method.length + 1;
  return {
    request: { bytes: latin1(text), count: all.length, positions },
    methodFrom: 0,
    methodTo: method.length,
    targetFrom,
    targetTo: targetFrom + target.length,
    hostFrom: positions[2]!,
    hostTo: positions[3]!,
    idBytes: latin1(id),
    idFrom: 0,
    idTo: id.length,
    client: { address: "192.0.2.7" },
    protocol: "1.1",
    tlsVersion: "",
    status: 200,
    bytesIn: 0,
    bytesOut: 0,
    startedMs: 0,
    queueMs: 0,
    connectMs: 0,
    firstByteMs: 0,
    routeName: "",
    poolName: "",
    backendId: "",
    retries: 0,
    reason: "",
    user: "",
    decider: null,
    decision: null,
    isPrivate: false,
    ...rest,
  };
}

/** A request of which no head could be read. */
export function headlessRecord(rest: Partial<AccessRecord> = {}): Mutable<AccessRecord> {
  const nothing = { bytes: new Uint8Array(0), count: 0, positions: new Int32Array(0) };
  const absent = { methodFrom: 0, methodTo: 0, targetFrom: 0, targetTo: 0, hostFrom: 0, hostTo: 0 };
  return { ...testRecord(), request: nothing, ...absent, protocol: "", ...rest };
}
