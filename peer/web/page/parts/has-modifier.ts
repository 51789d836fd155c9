/** Whether a key belongs to the browser or the system: the page leaves it to them. */
export function hasModifier({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return ctrlKey || metaKey || altKey
}
