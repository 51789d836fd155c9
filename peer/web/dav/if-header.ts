/** The If header (RFC 4918, section 10.4): lists of conditions, one of which must hold. */
import { AppError } from '../../../common/errors.ts'

export interface Condition {
  readonly isNegated: boolean
  /** Exactly one of the two. */
  readonly token?: string
  readonly etag?: string
}

export interface ConditionList {
  /** The URL that it is about; that of the request if undefined. */
  readonly url: string | undefined
  readonly conditions: readonly Condition[]
}

/** What conditions are compared with. */
export interface ResourceState {
  /** Undefined for a folder, and where nothing exists. */
  readonly etag: string | undefined
  /** Of the locks that apply to it. */
  readonly tokens: ReadonlySet<string>
}

/** Clients send one or two. */
const listsMax = 64

/** @throws AppError BAD_REQUEST */
export function parseIfHeader(text: string): ConditionList[] {
  const lists: ConditionList[] = []
  let rest = text.trim()
  let url: string | undefined
  while (rest !== '') {
    const tagged = /^<([^<>]*)>\s*/.exec(rest)
    if (tagged !== null) {
      url = tagged[1]
      rest = rest.slice(tagged[0].length)
    }
    const list = /^\(((?:<[^<>]*>|\[[^[\]]*\]|[^()<>[\]])*)\)\s*/.exec(rest)
    if (list === null || lists.length >= listsMax) throw invalid()
    rest = rest.slice(list[0].length)
    lists.push({ url, conditions: conditionsOf(list[1] ?? '') })
  }
  if (lists.length === 0) throw invalid()
  return lists
}

function conditionsOf(text: string): Condition[] {
  const conditions: Condition[] = []
  let rest = text.trim()
  while (rest !== '') {
    const found = /^(Not\s+|Not(?=[<[]))?(?:<([^<>]+)>|\[([^[\]]+)\])\s*/i.exec(rest)
    if (found === null) throw invalid()
    const [whole, not, token, etag] = found
    const isNegated = not !== undefined
    conditions.push({ isNegated, ...(token === undefined ? { etag: etag ?? '' } : { token }) })
    rest = rest.slice(whole.length)
  }
  if (conditions.length === 0) throw invalid()
  return conditions
}

function invalid(): AppError {
  return new AppError('BAD_REQUEST', { path: 'If', reason: 'is not a list of conditions' })
}

/** The lock tokens that a client has, as it shows by naming them. */
export function submittedTokens(lists: readonly ConditionList[]): Set<string> {
  const conditions = lists.flatMap((list) => list.conditions)
  return new Set(conditions.flatMap(({ token }) => (token === undefined ? [] : [token])))
}

/** Whether all conditions of one of the lists hold. */
export async function holds(
  lists: readonly ConditionList[],
  stateOf: (url: string | undefined) => Promise<ResourceState>,
): Promise<boolean> {
  for (const { url, conditions } of lists) {
    const state = await stateOf(url)
    if (conditions.every((condition) => isTrue(condition, state))) return true
  }
  return false
}

function isTrue({ isNegated, token, etag }: Condition, state: ResourceState): boolean {
  const isMatch = token === undefined ? etag === state.etag : state.tokens.has(token)
  return isMatch !== isNegated
}
