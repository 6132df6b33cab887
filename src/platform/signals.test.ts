import { expect, test } from "bun:test";

const module = JSON.stringify(new URL("./signals.ts", import.meta.url).href);

function started(program: string) {
  const child = Bun.spawn([process.execPath, "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const reader = child.stdout.getReader();
  let text = "";
  const line = async () => {
    for (;;) {
      const at = text.indexOf("\n");
      if (at >= 0) {
        const found = text.slice(0, at);
        text = text.slice(at + 1);
        return found;
      }
      const { value, done } = await reader.read();
      if (done) return null;
      text += new TextDecoder().decode(value);
    }
  };
  return { child, line };
}

test("before a handler is set user signals do nothing and SIGHUP is kept for it", async () => {
  const { child, line } = started(`
    const { onSignals } = await import(${module});
    for (const name of ["SIGHUP", "SIGUSR1", "SIGUSR2"]) process.once(name, () => console.log("came " + name));
    setInterval(() => {}, 1000);
    console.log("up");
    await new Promise((resolve) => process.on("SIGWINCH", resolve));
    onSignals((name) => console.log(name));`);
  try {
    expect(await line()).toBe("up");
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) child.kill(signal);
    const came = [await line(), await line(), await line()].map(String);
    expect(came.toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
      "came SIGHUP",
      "came SIGUSR1",
      "came SIGUSR2",
    ]);
    child.kill("SIGWINCH");
    expect(await line()).toBe("SIGHUP");
    for (const signal of ["SIGUSR1", "SIGTERM", "SIGINT"] as const) {
      child.kill(signal);
      expect(await line()).toBe(signal);
    }
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});

test("before a handler is set SIGTERM and SIGINT end the process", async () => {
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    const { child, line } = started(
      `await import(${module}); console.log("up"); setInterval(() => {}, 1000);`,
    );
    expect(await line()).toBe("up");
    child.kill(signal);
    expect(await child.exited).toBe(code);
  }
});
