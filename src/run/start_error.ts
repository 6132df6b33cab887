/** The start was refused; the message holds one problem per line. */
export class StartError extends Error {
  constructor(problems: readonly string[], cause?: unknown) {
    super(problems.join("\n"), { cause });
    this.name = "StartError";
  }
}
