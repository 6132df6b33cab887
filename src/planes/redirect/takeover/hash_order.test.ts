import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireTool } from "../../../../test/support/require.ts";
import { seededRandom } from "../../../core/strategies/random.ts";
import { hashOrder } from "./hash_order.ts";

/** As openjdk 17 gives them back. */
const KNOWN =
  "zeta addresses blank delimited delta literal_values nested theta epsilon shares beta_testers eta alpha orders tls beta gamma".split(
    " ",
  );

test("names come as a HashMap of Java gives them back", () => {
  expect(hashOrder(KNOWN.toSorted())).toEqual(KNOWN);
  expect(hashOrder([])).toEqual([]);
});

const PROGRAM = `import java.util.*;
public class Order {
  public static void main(String[] arguments) {
    Scanner input = new Scanner(System.in, "UTF-8");
    while (input.hasNextLine()) {
      Map<String, Integer> map = new HashMap<>();
      for (String name : new TreeSet<>(Arrays.asList(input.nextLine().split(" ")))) map.put(name, 1);
      System.out.println(String.join(" ", map.keySet()));
    }
  }
}
`;

test.skipIf(requireTool("javac") !== null)(
  "any names come as the HashMap of a real Java gives them back",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "fairlead-order-"));
    try {
      writeFileSync(join(directory, "Order.java"), PROGRAM);
      const random = seededRandom(7);
      const sets = Array.from({ length: 200 }, (_, round) =>
        Array.from({ length: 1 + Math.floor(random() * (round % 10 === 0 ? 400 : 30)) }, nameOf),
      );
      function nameOf(): string {
        const length = 1 + Math.floor(random() * 12);
        return Array.from({ length }, () => "abcXYZ019_é"[Math.floor(random() * 11)]!).join("");
      }
      const input = new TextEncoder().encode(`${sets.map((names) => names.join(" ")).join("\n")}\n`);
      const child = Bun.spawn(["java", "-Dfile.encoding=UTF-8", join(directory, "Order.java")], {
        stdin: input,
        stdout: "pipe",
      });
      const lines = (await child.stdout.text()).trim().split("\n");
      expect(await child.exited).toBe(0);
      expect(sets.map((names) => hashOrder([...new Set(names)]).join(" "))).toEqual(lines);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
