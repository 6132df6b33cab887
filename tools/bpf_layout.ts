/** The layouts of `bpf/layout.h` as TypeScript, from what the compiler has made of them. */
import { Btf, type StructLayout, type StructMember } from "../src/kernel/btf.ts";
import { ElfObject } from "../src/kernel/elf.ts";

/** `#define NAME number` of the header, with the comment lines before it. */
const DEFINE = /^#define ([A-Z][A-Z0-9_]*) (\d+)$/gm;
/** Structs of the header, in its order. */
const STRUCT = /^struct (\w+) \{$/gm;

/** Text of the module. `object`: one that uses every struct of `header`. Throws Error for one that it does not use. */
export function layoutSource(object: Uint8Array, header: string): string {
  const structs = new Btf(new ElfObject(object).section(".BTF")!.bytes).structs();
  const names = [...header.matchAll(STRUCT)].map(([, name]) => name!);
  const layouts = names.map((name) => {
    const found = structs.find((struct) => struct.name === name);
    if (found === undefined) throw new Error(`struct ${name} of the header is in no map and no program`);
    return structText(found);
  });
  const constants = [...header.matchAll(DEFINE)].map(
    ([, name, value]) => `export const ${name} = ${value};\n`,
  );
  return `/** Generated from bpf/layout.h by \`bun tools/bpf.ts build\`: what each constant and field means stands there. */
import { Struct } from "../../kernel/struct.ts";

${constants.join("")}
${layouts.join("\n")}`;
}

function structText({ name, size, members }: StructLayout): string {
  const fields = members
    .filter((member) => member.name !== "zero")
    .map((member) => `  ${member.name}: [${member.offset}, ${member.size}, "${kindOf(member)}"],\n`);
  return `export const ${name} = new Struct(${size}, {\n${fields.join("")}});\n`;
}

/** Addresses are bytes everywhere else too; ports are numbers. */
function kindOf({ type, size }: StructMember): string {
  if (type === "" || type === "__be32") return "bytes";
  if (![1, 2, 4, 8].includes(size)) return "bytes";
  return type.startsWith("__be") ? "network" : "number";
}
