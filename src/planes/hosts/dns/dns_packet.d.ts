/** What is used of the package. Its reader is for tests alone: docs/decisions/0002-dependencies.md says why. */
declare module "dns-packet" {
  interface OrdinaryRecord<Type extends string, Data> {
    readonly name: string;
    readonly type: Type;
    readonly class: "IN";
    /** Seconds. */
    readonly ttl: number;
    readonly data: Data;
  }

  interface SoaData {
    readonly mname: string;
    readonly rname: string;
    readonly serial: number;
    readonly refresh: number;
    readonly retry: number;
    readonly expire: number;
    readonly minimum: number;
  }

  interface HinfoData {
    readonly cpu: string;
    readonly os: string;
  }

  interface OptRecord {
    readonly name: ".";
    readonly type: "OPT";
    readonly udpPayloadSize: number;
    readonly extendedRcode: number;
    readonly ednsVersion: number;
    readonly flags: number;
    readonly options: readonly { readonly code: number; readonly data: Buffer }[];
  }

  export type ResourceRecord =
    | OrdinaryRecord<"A" | "AAAA" | "PTR", string>
    | OrdinaryRecord<"SOA", SoaData>
    | OrdinaryRecord<"HINFO", HinfoData>
    | OptRecord;

  export interface Question {
    readonly name: string;
    /** `A`, `AAAA`, …, or `UNKNOWN_65280`. */
    readonly type: string;
    readonly class?: string;
  }

  export interface Packet {
    readonly type: "query" | "response";
    readonly id: number;
    readonly flags: number;
    readonly questions: readonly Question[];
    readonly answers: readonly ResourceRecord[];
    readonly authorities: readonly ResourceRecord[];
    readonly additionals: readonly ResourceRecord[];
  }

  export interface DecodedPacket extends Packet {
    /** `NOERROR`, `REFUSED`, … without the upper bits that an OPT record has. */
    readonly rcode: string;
    readonly opcode: string;
    readonly flag_qr: boolean;
    readonly flag_aa: boolean;
    readonly flag_tc: boolean;
    readonly flag_rd: boolean;
    readonly flag_ra: boolean;
  }

  export const answer: { encode(record: ResourceRecord): Buffer };
  export function encode(packet: Partial<Packet>): Buffer;
  /** Throws what it likes on malformed messages. */
  export function decode(message: Buffer): DecodedPacket;
  export namespace decode {
    /** How many bytes the last call has read. */
    let bytes: number;
  }
}
