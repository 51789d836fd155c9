/**
 * What a search asks for. A glob (it has `*`, `?` or `[..]`) must match the whole name; any other
 * query is a part of the name, in any case. Matching takes time proportional to the query's length
 * times the name's, whatever the query: it comes from outside.
 */

export interface NameQuery {
  /** What every match begins with. */
  readonly prefix: string
  readonly matches: (name: string) => boolean
}

export function parseNameQuery(query: string): NameQuery {
  const text = query.normalize('NFC')
  if (!/[*?]|\[[^\]]+\]/.test(text)) {
    const part = text.toLowerCase()
    return { prefix: '', matches: (name) => name.toLowerCase().includes(part) }
  }
  const steps = parseGlob(text)
  const literals = steps.findIndex((step) => step.kind !== 'literal')
  const leading = literals === -1 ? steps : steps.slice(0, literals)
  const prefix = leading.map((step) => (step.kind === 'literal' ? step.character : '')).join('')
  return { prefix, matches: (name) => name.startsWith(prefix) && matchesGlob(steps, name) }
}

/** A step of a glob, as a state of an automaton: what may happen while it is the current one. */
type Step =
  | { readonly kind: 'literal'; readonly character: string }
  /** `?`, `[..]`: one character, never a slash. */
  | { readonly kind: 'one'; readonly accepts: (character: string) => boolean }
  /** `*`: characters of one path segment. */
  | { readonly kind: 'star' }
  /** `**`: any characters. */
  | { readonly kind: 'everything' }
  /** The beginning of `**` and a slash: no folder at all, or what {@link Step} `folders` reads. */
  | { readonly kind: 'maybe' }
  /** The rest of it: any characters up to and with a slash. */
  | { readonly kind: 'folders' }

function parseGlob(glob: string): Step[] {
  const steps: Step[] = []
  const token = /(\*\*+\/)|(\*\*+)|(\*)|(\?)|\[([!^]?)([^\]]+)\]|([^])/gu
  for (const match of glob.matchAll(token)) {
    const [, folders, everything, star, any, negation, set, character] = match
    if (folders !== undefined) steps.push({ kind: 'maybe' }, { kind: 'folders' })
    else if (everything !== undefined) steps.push({ kind: 'everything' })
    else if (star !== undefined) steps.push({ kind: 'star' })
    else if (any !== undefined) steps.push({ kind: 'one', accepts: () => true })
    else if (set !== undefined) steps.push(characterSet(set, negation !== ''))
    else steps.push({ kind: 'literal', character: character ?? '' })
  }
  return steps
}

/** `abc`, `a-z` and their mixtures, as between brackets. */
function characterSet(set: string, isNegated: boolean): Step {
  const ranges = [...set.matchAll(/([^])-([^])|([^])/gu)].map(([, from, to, single]) => ({
    from: from ?? single ?? '',
    to: to ?? single ?? '',
  }))
  const isIn = (character: string): boolean =>
    ranges.some(
      ({ from, to }) =>
        codePoint(from) <= codePoint(character) && codePoint(character) <= codePoint(to),
    )
  return { kind: 'one', accepts: (character) => isIn(character) !== isNegated }
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? -1
}

/** Follows all ways through the steps at once (Thompson's construction), so nothing is tried twice. */
function matchesGlob(steps: readonly Step[], name: string): boolean {
  let current = reachable(steps, [0])
  for (const character of name) {
    const next: number[] = []
    for (const position of current) {
      const step = steps[position]
      if (step !== undefined) next.push(...after(step, position, character))
    }
    if (next.length === 0) return false
    current = reachable(steps, next)
  }
  return current.has(steps.length)
}

/** Where reading `character` at `position` leads. */
function after(step: Step, position: number, character: string): number[] {
  const isSlash = character === '/'
  switch (step.kind) {
    case 'literal':
      return character === step.character ? [position + 1] : []
    case 'one':
      return !isSlash && step.accepts(character) ? [position + 1] : []
    case 'star':
      return isSlash ? [] : [position]
    case 'everything':
      return [position]
    case 'folders':
      return isSlash ? [position, position + 1] : [position]
    case 'maybe':
      return []
  }
}

/** `positions`, and those that can be reached from them without reading anything. */
function reachable(steps: readonly Step[], positions: readonly number[]): Set<number> {
  const found = new Set(positions)
  // A set visits what is added while it is being walked.
  for (const position of found) {
    const kind = steps[position]?.kind
    if (kind === 'star' || kind === 'everything') found.add(position + 1)
    if (kind === 'maybe') found.add(position + 1).add(position + 2)
  }
  return found
}
