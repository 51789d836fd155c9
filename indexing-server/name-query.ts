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
  if (!isGlob(text)) {
    const part = text.toLowerCase()
    return { prefix: '', matches: (name) => name.toLowerCase().includes(part) }
  }
  const steps = parseGlob(text)
  const literals = steps.findIndex((step) => step.kind !== 'literal')
  const leading = literals === -1 ? steps : steps.slice(0, literals)
  const prefix = leading.map((step) => (step.kind === 'literal' ? step.character : '')).join('')
  const automaton = new Automaton(steps)
  return { prefix, matches: (name) => name.startsWith(prefix) && automaton.matches(name) }
}

/** What a match asks for: a glob, or a file or folder as it is spelled, even if that looks like a glob. */
export function parsePattern(pattern: string): NameQuery {
  const text = pattern.normalize('NFC').replace(/^(\.\/)+/, '')
  const folder = text.replace(/\/+$/, '')
  const isSpelled = (name: string): boolean => name === folder || name.startsWith(`${folder}/`)
  if (!isGlob(text)) return { prefix: folder, matches: isSpelled }
  const { prefix, matches } = parseNameQuery(folder === text ? text : `${folder}/**`)
  return { prefix, matches: (name) => isSpelled(name) || matches(name) }
}

function isGlob(text: string): boolean {
  return /[*?]|\[[^\]]+\]/.test(text)
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
  // `**/**/` says no more than `**/`.
  const token = /((?:\*\*+\/)+)|(\*\*+)|(\*)|(\?)|\[([!^]?)([^\]]+)\]|([^])/gu
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

/** Positions in the steps, each once. Made once per query and used for every name: nothing is allocated. */
class Positions {
  readonly #list: Uint16Array
  /** The round in which a position was added last. */
  readonly #addedIn: Uint32Array
  #round = 1
  count = 0

  constructor(stepCount: number) {
    this.#list = new Uint16Array(stepCount + 1)
    this.#addedIn = new Uint32Array(stepCount + 1)
  }

  at(index: number): number {
    return this.#list[index] ?? 0
  }

  has(position: number): boolean {
    return this.#addedIn[position] === this.#round
  }

  add(position: number): void {
    if (this.has(position)) return
    this.#addedIn[position] = this.#round
    this.#list[this.count++] = position
  }

  clear(): void {
    this.#round++
    this.count = 0
  }
}

/** Follows all ways through the steps at once (Thompson's construction), so nothing is tried twice. */
class Automaton {
  readonly #steps: readonly Step[]
  #current: Positions
  #next: Positions

  constructor(steps: readonly Step[]) {
    this.#steps = steps
    this.#current = new Positions(steps.length)
    this.#next = new Positions(steps.length)
  }

  matches(name: string): boolean {
    this.#next.clear()
    this.#next.add(0)
    this.#takeNext()
    for (const character of name) {
      this.#next.clear()
      for (let index = 0; index < this.#current.count; index++)
        this.#read(character, this.#current.at(index))
      if (this.#next.count === 0) return false
      this.#takeNext()
    }
    return this.#current.has(this.#steps.length)
  }

  /** Adds to the next positions where reading `character` at `position` leads. */
  #read(character: string, position: number): void {
    const step = this.#steps[position]
    const isSlash = character === '/'
    switch (step?.kind) {
      case 'literal':
        if (character === step.character) this.#next.add(position + 1)
        return
      case 'one':
        if (!isSlash && step.accepts(character)) this.#next.add(position + 1)
        return
      case 'star':
        if (!isSlash) this.#next.add(position)
        return
      case 'everything':
        this.#next.add(position)
        return
      case 'folders':
        this.#next.add(position)
        if (isSlash) this.#next.add(position + 1)
        return
      case 'maybe':
      case undefined:
    }
  }

  /** Makes the next positions the current ones, with all that is reached from them without reading. */
  #takeNext(): void {
    const reached = this.#next
    for (let index = 0; index < reached.count; index++) {
      const position = reached.at(index)
      const kind = this.#steps[position]?.kind
      if (kind === 'star' || kind === 'everything' || kind === 'maybe') reached.add(position + 1)
      if (kind === 'maybe') reached.add(position + 2)
    }
    this.#next = this.#current
    this.#current = reached
  }
}
