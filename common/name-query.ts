/**
 * The query of a search. A glob (it contains `*`, `?` or `[..]`) must match the whole name; any
 * other query is a case-insensitive substring. Matching takes time proportional to the length of
 * the query times that of the name, for any query, since queries are untrusted.
 */
import { AppError } from '../common/errors.ts'
import { nameProblem } from '../common/ids.ts'

export interface NameQuery {
  /** The common prefix of all matches. */
  readonly prefix: string
  /** Texts that every match contains if case is ignored, in lower case. */
  readonly fragments: readonly string[]
  readonly matches: (name: string) => boolean
}

export function parseNameQuery(query: string): NameQuery {
  const text = query.normalize('NFC')
  if (!isGlob(text)) {
    const part = text.toLowerCase()
    return {
      prefix: '',
      fragments: [part],
      matches: (name) => name.toLowerCase().includes(part),
    }
  }
  const steps = parseGlob(text)
  const literals = steps.findIndex((step) => step.kind !== 'literal')
  const leading = literals === -1 ? steps : steps.slice(0, literals)
  const prefix = leading.map((step) => (step.kind === 'literal' ? step.character : '')).join('')
  const automaton = new Automaton(steps)
  const matches = (name: string): boolean => name.startsWith(prefix) && automaton.matches(name)
  return { prefix, fragments: literalsOf(steps), matches }
}

/**
 * The query of a match: a glob, or a file or folder taken literally, even if it looks like a glob.
 */
export function parsePattern(pattern: string): NameQuery {
  const text = pattern.normalize('NFC').replace(/^(\.\/)+/, '')
  const folder = text.replace(/\/+$/, '')
  const isSpelled = (name: string): boolean => name === folder || name.startsWith(`${folder}/`)
  // The prefix leaves few names.
  if (!isGlob(text)) return { prefix: folder, fragments: [], matches: isSpelled }
  const query = parseNameQuery(folder === text ? text : `${folder}/**`)
  // What is spelled like the glob contains its literals, too.
  return { ...query, matches: (name) => isSpelled(name) || query.matches(name) }
}

/**
 * The pattern of a replication rule as it is kept: in normal form C, without what does not matter.
 * @throws AppError NAME_INVALID
 */
export function parseRulePattern(typed: string): string {
  const text = typed.normalize('NFC').replace(/^(\.\/)+/, '')
  const folder = text.replace(/\/+$/, '')
  const pattern = isGlob(text) && folder !== text ? `${folder}/**` : folder
  // A glob is a name, too: it has no control characters and no empty segments.
  const reason = nameProblem(pattern)
  if (reason !== undefined)
    throw new AppError('NAME_INVALID', { name: typed.slice(0, 200), reason })
  return pattern
}

function isGlob(text: string): boolean {
  return /[*?]|\[[^\]]+\]/.test(text)
}

/** A step of a glob, as a state of an automaton: what may follow while it is the current one. */
type Step =
  | { readonly kind: 'literal'; readonly character: string }
  /** `?`, `[..]`: one character, never a slash. */
  | { readonly kind: 'one'; readonly accepts: (character: string) => boolean }
  /** `*`: characters of one path segment. */
  | { readonly kind: 'star' }
  /** `**`: any characters. */
  | { readonly kind: 'everything' }
  /** The start of `**` and a slash: no folder at all, or what step `folders` matches. */
  | { readonly kind: 'maybe' }
  /** The rest of it: any characters up to and including a slash. */
  | { readonly kind: 'folders' }

/** The runs of literal characters. */
function literalsOf(steps: readonly Step[]): string[] {
  const text = steps.map((step) => (step.kind === 'literal' ? step.character : '\n')).join('')
  // Names have no line breaks.
  return text
    .split('\n')
    .filter((literal) => literal !== '')
    .map((literal) => literal.toLowerCase())
}

function parseGlob(glob: string): Step[] {
  const steps: Step[] = []
  // `**/**/` is equivalent to `**/`.
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

/** A set in brackets: `abc`, `a-z` and combinations. */
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

/** A set of step positions, allocated once per query and reused for every name. */
class Positions {
  readonly #list: Uint16Array
  /** The round in which a position was last added. */
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

/**
 * Follows all paths through the steps simultaneously (Thompson's construction), without
 * backtracking.
 */
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

  /** Adds the positions reached by reading `character` at `position`. */
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

  /** Makes the next positions current, including all that are reached without reading. */
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
