import { expect, test } from "bun:test";
import { checkTlsEngines } from "./tls_self_check.ts";

test("this runtime does TLS in both fast ways, and is asked once", async () => {
  const first = checkTlsEngines();
  expect(checkTlsEngines()).toBe(first);
  expect(await first).toEqual({ listener: true, upgrade: true });
});

/** Asks in a process of its own, in which Bun.listen does not do what it did. */
async function askWith(change: string): Promise<unknown> {
  const program = `
    const listen = Bun.listen;
    Bun.listen = (options) => listen((${change})(options));
    const { checkTlsEngines } = await import(${JSON.stringify(`${import.meta.dir}/tls_self_check.ts`)});
    console.log(JSON.stringify(await checkTlsEngines()));
    process.exit(0);`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  return JSON.parse(await new Response(child.stdout).text()) as unknown;
}

test("a way that does not work any more is noticed", async () => {
  const withoutHook = "(options) => (delete options.socket.serverName, options)";
  expect(await askWith(withoutHook)).toEqual({ listener: false, upgrade: true });
  const withoutUpgrade = `(options) => {
    const { data } = options.socket;
    if (options.tls === undefined) options.socket.data = (socket, bytes) => {
      socket.upgradeTLS = () => { throw new Error("gone"); };
      data(socket, bytes);
    };
    return options;
  }`;
  expect(await askWith(withoutUpgrade)).toEqual({ listener: true, upgrade: false });
  expect(await askWith(`() => { throw new Error("gone"); }`)).toEqual({ listener: false, upgrade: false });
});
