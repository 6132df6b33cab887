/**
 * Writes generations of the last known good until it is killed: `bun known_good_writer_main.ts FOLDER`. It says the version of
 * each on standard output when it is written; the first one is above what stands there.
 */
import { realClock } from "../../src/platform/clock.ts";
import { realFiles } from "../../src/platform/files.ts";
import { LastKnownGood } from "../../src/planes/redirect/last_known_good/last_known_good.ts";
import { contentOf, OPTIONS } from "../../src/planes/redirect/last_known_good/test_known_good.ts";

const [path = ""] = process.argv.slice(2);
const folder = new LastKnownGood({ ...OPTIONS, path }, realFiles, realClock);
const { content, problems } = await folder.read();
if (problems.length > 0) throw new Error(problems.join("\n"));
for (let version = (content?.lists.version ?? 0) + 1; ; version++) {
  const problem = await folder.write(contentOf(version));
  if (problem !== null) throw new Error(problem);
  await Bun.write(Bun.stdout, `${version}\n`);
}
