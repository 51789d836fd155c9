/** The `after` of the page that a Link header calls the next one; undefined when there is none. */
export function nextPageOf(link: string | undefined): string | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1]
  if (target === undefined) return undefined
  const query = target.slice(target.indexOf('?') + 1)
  return new URLSearchParams(query).get('after') ?? undefined
}
