/** Something that an operator does, or that happens to a machine, while clients are served. */
import type { World } from "./world.ts";

export interface Act {
  readonly name: string;
  /** Does it and undoes it; what it may cost goes into the books. Throws when it does not come about. */
  run(world: World): Promise<void>;
}
