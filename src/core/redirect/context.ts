/** What a client has sent: parameters by name. */

/** The value of the parameter with this name, undefined where it was not sent. Names are compared as they are. */
export type Context = (name: string) => string | undefined;

export function contextOf(parameters: Readonly<Record<string, string>>): Context {
  return (name) => (Object.hasOwn(parameters, name) ? parameters[name] : undefined);
}

/** True for a text without anything but white space. */
export function isBlank(text: string): boolean {
  return text.trim() === "";
}
