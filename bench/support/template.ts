/** Configuration templates: `{{NAME}}` stands for a value. */

/**
 * Puts the values into a template. Throws Error for a placeholder without a value and for a value without a
 * placeholder, so that no setting is lost in silence.
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  const used = new Set<string>();
  const text = template.replace(/\{\{([A-Z_0-9]+)\}\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for ${whole}`);
    used.add(name);
    return String(value);
  });
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`the template has no {{${unused.join("}}, {{")}}}`);
  return text;
}
