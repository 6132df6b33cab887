/** The management service as a program of its own, on the configuration of a gateway. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../support/program.ts";
import { Program } from "./processes_fixture.ts";

export interface Control extends AsyncDisposable {
  readonly program: Program;
  readonly origin: string;
}

/** Starts `fairlead control` with a state directory of its own, which goes with it. Returns once it listens. */
export async function startControl({ file }: { readonly file: string }): Promise<Control> {
  const state = mkdtempSync(join(tmpdir(), "fairlead-control-"));
  const settings = ["--log-format", "json", "--state-dir", state, "--address", "127.0.0.1:0"];
  const program = new Program(["-c", file, ...settings], PROGRAM, "control");
  const end = async (): Promise<void> => {
    await program.kill();
    rmSync(state, { recursive: true, force: true });
  };
  try {
    const { address } = await program.until("redirect_service_listening");
    return { program, origin: `http://${String(address)}`, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
