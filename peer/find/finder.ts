import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { parseName, parsePeerId } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { ResultOf } from '../../common/protocol/connection.ts'
import type {
  FoundContent,
  MessageType,
  ReplyOf,
  RequestOf,
} from '../../common/protocol/messages.ts'
import { emptySeries, summaryOf, withValue } from '../../common/running-summary.ts'
import type { CallReply, CallRequest } from '../api/calls.ts'
import type { Safety } from '../api/cluster-shapes.ts'
import type { ListedFile, SearchPage, Versions, Why } from '../api/file-shapes.ts'
import type { Stats } from '../api/status-shapes.ts'
import { type Elsewhere, type FoundElsewhere, foundNowhere, withPrograms } from './elsewhere.ts'
import type { IndexLink } from './index-link.ts'
import { readRequests } from './read-requests.ts'
import { sumOfSafety } from './sum-of-safety.ts'
import { whenAdmitted } from './when-admitted.ts'

/**
 * Pages requested from the index for one page of files that this peer does not hold: 10,000 rows.
 */
export const remotePagesPerList = 20
/** An index away for less than this may be restarting: commands wait for it. */
export const indexWaitMs = 2_000
/** How long a command waits for an index that has been away for longer: one more attempt. */
export const indexRetryMs = 300

interface FinderDependencies {
  readonly index: IndexLink
  /** Absent: the index knows everything. */
  readonly elsewhere?: Elsewhere | undefined
  /** Whether this peer holds a file of this name and content. */
  holds(name: string, sha256: string): boolean
  readonly clock: Clock
}

/**
 * Sends requests to the index. Every method throws AppError INDEX_UNREACHABLE without a connection
 * (immediately, unless the index disappeared so recently that it may be back in a moment),
 * DEADLINE_EXCEEDED if the index does not answer, or the signal's reason.
 */
export class Finder {
  readonly #dependencies: FinderDependencies
  #searchSeconds = emptySeries

  constructor(dependencies: FinderDependencies) {
    this.#dependencies = dependencies
  }

  /** Durations of lookups and searches, including the network. */
  get searchSeconds(): Stats['searchSeconds'] {
    return summaryOf(this.#searchSeconds)
  }

  /**
   * The contents of a name, preferred one first; at least one.
   * @param sha256 of a content to include even if it is a replaced version
   * @throws AppError NAME_INVALID, NAME_NOT_FOUND
   */
  async lookup(text: string, signal?: AbortSignal, sha256?: string): Promise<FoundContent[]> {
    const name = parseName(text)
    const what = { name, ...(sha256 === undefined ? {} : { sha256 }) }
    const hasAnswer = (contents: FoundContent[]): boolean =>
      sha256 === undefined ? contents.length > 0 : contents.some((one) => one.sha256 === sha256)
    const ask = async (): Promise<FoundContent[]> =>
      await this.known(what, signal).catch((error: unknown) => {
        if (hasCode(error, 'NAME_NOT_FOUND')) return []
        throw error
      })
    const contents = await ask()
    if (hasAnswer(contents)) return contents
    const { isKnown, ofPrograms } = await this.#findElsewhere(what, signal)
    return found(withPrograms(isKnown ? await ask() : contents, ofPrograms), name)
  }

  /** The contents of a name that the index knows. @throws AppError NAME_NOT_FOUND, FILE_DELETED */
  async known(request: RequestOf<'lookup'>, signal?: AbortSignal): Promise<FoundContent[]> {
    return (await this.#ask('lookup', request, signal)).contents
  }

  /** A name of a content. @throws AppError CONTENT_NOT_FOUND */
  async findContent(sha256: string, signal?: AbortSignal): Promise<ReplyOf<'find-content'>> {
    try {
      return await this.#ask('find-content', { sha256 }, signal)
    } catch (error) {
      if (!hasCode(error, 'CONTENT_NOT_FOUND')) throw error
      const { isKnown, ofPrograms } = await this.#findElsewhere({ sha256 }, signal)
      if (isKnown) return await this.#ask('find-content', { sha256 }, signal)
      const [content] = ofPrograms
      if (content === undefined) throw error
      return { name: content.name, size: content.size }
    }
  }

  /** One page of names; before the first, what the index does not know is looked for. */
  async search(request: RequestOf<'search'>, signal?: AbortSignal): Promise<SearchPage> {
    const { query, after } = request
    if (after === undefined && query !== '') await this.#findElsewhere({ search: query }, signal)
    return await this.searchKnown(request, signal)
  }

  /** One page of names that the index knows. */
  async searchKnown(request: RequestOf<'search'>, signal?: AbortSignal): Promise<SearchPage> {
    return await this.#ask('search', request, signal)
  }

  /** One page of what is immediately in a folder. @throws AppError NAME_INVALID */
  async folder(
    request: RequestOf<'list-folder'>,
    signal?: AbortSignal,
  ): Promise<ReplyOf<'list-folder'>> {
    return await this.#ask('list-folder', request, signal)
  }

  /** One page of the files that match a pattern, with the sources for a download of each. */
  async match(
    {
      pattern,
      limit = limits.matchedFilesMax,
      after,
      withModified,
    }: {
      pattern: string
      limit?: number
      after?: string | undefined
      withModified?: boolean | undefined
    },
    signal?: AbortSignal,
  ): Promise<ReplyOf<'match'>> {
    const request = {
      pattern,
      limit,
      ...(after && { after }),
      ...(withModified && { withModified }),
    }
    return await this.#ask('match', request, signal)
  }

  /**
   * Files that the index knows and this peer does not have, by name. A page may have fewer than
   * `limit` rows although more follow: if this peer has nearly everything, filling a page could
   * take a walk through the whole index.
   */
  async listRemote(
    { limit, after }: { limit: number; after?: string | undefined },
    signal?: AbortSignal,
  ): Promise<CallReply<'list'>> {
    const files: ListedFile[] = []
    let next = after
    for (let page = 0; page < remotePagesPerList && files.length < limit; page += 1) {
      const request = { query: '', limit: limit - files.length, ...(next && { after: next }) }
      const found = await this.#ask('search', request, signal)
      for (const { name, sha256, size } of found.files)
        if (!this.#dependencies.holds(name, sha256))
          files.push({ name, kind: 'remote', size, sha256 })
      next = found.next
      if (next === undefined) return { files }
    }
    return next === undefined ? { files } : { files, next }
  }

  /** One page of the registry, by peer id. */
  async peers(request: RequestOf<'peers'>, signal?: AbortSignal): Promise<ReplyOf<'peers'>> {
    return await this.#ask('peers', request, signal)
  }

  async status(signal?: AbortSignal): Promise<ReplyOf<'status'>> {
    return await this.#ask('status', {}, signal)
  }

  /** One page of what happened to copies and peers. */
  async events(request: RequestOf<'events'>, signal?: AbortSignal): Promise<ReplyOf<'events'>> {
    return await this.#ask('events', request, signal)
  }

  /** Releases the brake of the index; returns whether it was on. */
  async resumeReplication(signal?: AbortSignal): Promise<ReplyOf<'resume-replication'>> {
    return await this.#ask('resume-replication', {}, signal)
  }

  /** Has the copies of a peer made elsewhere. @throws AppError PEER_UNKNOWN */
  async drain(peerId: string, signal?: AbortSignal): Promise<void> {
    await this.#ask('drain', { peerId: parsePeerId(peerId) }, signal)
  }

  /** @throws AppError PEER_UNKNOWN */
  async undrain(peerId: string, signal?: AbortSignal): Promise<ReplyOf<'undrain'>> {
    return await this.#ask('undrain', { peerId: parsePeerId(peerId) }, signal)
  }

  /**
   * Lets a peer be silent for a while; without `forMs` no longer.
   * @throws AppError PEER_UNKNOWN, PEER_DEAD
   */
  async maintain(
    peerId: string,
    forMs: number | undefined,
    signal?: AbortSignal,
  ): Promise<ReplyOf<'maintain'>> {
    const request = { peerId: parsePeerId(peerId), ...(forMs !== undefined && { forMs }) }
    return await this.#ask('maintain', request, signal)
  }

  /**
   * Removes a dead peer for good.
   * @throws AppError PEER_UNKNOWN, PEER_NOT_DEAD, FORGET_LOSES
   */
  async forgetPeer(text: string, force: boolean, signal?: AbortSignal): Promise<void> {
    const request = { peerId: parsePeerId(text), ...(force && { force }) }
    let isDone = false
    while (!isDone) isDone = (await this.#ask('forget-peer', request, signal)).done
  }

  /** What the cluster would lose without a peer. @throws AppError PEER_UNKNOWN */
  async safety(text: string, signal?: AbortSignal): Promise<Safety> {
    const peerId = parsePeerId(text)
    let { next, ...safety } = await this.#ask('safety', { peerId }, signal)
    while (next !== undefined) {
      const page = await this.#ask('safety', { peerId, after: next }, signal)
      safety = sumOfSafety(safety, page)
      next = page.next
    }
    return { peerId, ...safety }
  }

  /** The rules for the number of copies, the one set last first. */
  async replicationRules(signal?: AbortSignal): Promise<ReplyOf<'replication-rules'>> {
    return await this.#ask('replication-rules', {}, signal)
  }

  /** @throws AppError NAME_INVALID */
  async replicationOf(text: string, signal?: AbortSignal): Promise<ReplyOf<'replication-of'>> {
    return await this.#ask('replication-of', { name: parseName(text) }, signal)
  }

  /** @throws AppError NAME_INVALID, RULE_NOT_FOUND, INTENT_FULL */
  async setReplication(
    rule: RequestOf<'set-replication'>,
    signal?: AbortSignal,
  ): Promise<ReplyOf<'set-replication'>> {
    return await this.#ask('set-replication', rule, signal)
  }

  /** Shows, plans, starts or stops a rebalance of the cluster. */
  async rebalance(
    action: RequestOf<'rebalance'>['action'],
    signal?: AbortSignal,
  ): Promise<ReplyOf<'rebalance'>> {
    return await this.#ask('rebalance', { action }, signal)
  }

  /** @throws AppError NAME_INVALID, NAME_NOT_FOUND */
  async why(text: string, signal?: AbortSignal): Promise<Why> {
    const name = parseName(text)
    const ask = async (): Promise<Why> => {
      const { contents, ...more } = await this.#ask('why', { name }, signal)
      if (contents.length === 0) throw new AppError('NAME_NOT_FOUND', { name })
      return { name, contents, ...more }
    }
    try {
      return await ask()
    } catch (error) {
      if (!hasCode(error, 'NAME_NOT_FOUND')) throw error
      if (!(await this.#findElsewhere({ name }, signal)).isKnown) throw error
      return await ask()
    }
  }

  /**
   * One page of the current contents of a name, and its replaced versions that are kept. It may have
   * fewer than `limit` rows although more follow.
   * @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED
   */
  async versions(
    { name: text, limit, after }: CallRequest<'versions'>,
    signal?: AbortSignal,
  ): Promise<Versions> {
    const name = parseName(text)
    const rows = Math.min(limit, limits.versionsListedMax)
    const request = { name, limit: rows, ...(after !== undefined && { after }) }
    return { name, ...(await this.#ask('versions', request, signal)) }
  }

  /**
   * Removes a file from the cluster.
   * @returns its owner
   * @throws AppError NOT_OWNER, NOT_SHARED
   */
  async unshare(file: RequestOf<'unshare'>, signal?: AbortSignal): Promise<ReplyOf<'unshare'>> {
    return await this.#ask('unshare', file, signal)
  }

  /** One page of the deleted files whose copies are kept. */
  async trash(request: RequestOf<'trash'>, signal?: AbortSignal): Promise<ReplyOf<'trash'>> {
    return await this.#ask('trash', request, signal)
  }

  /** Removes deleted files for good. */
  async emptyTrash(
    request: RequestOf<'empty-trash'>,
    signal?: AbortSignal,
  ): Promise<ReplyOf<'empty-trash'>> {
    return await this.#ask('empty-trash', request, signal)
  }

  /** Has a deleted file brought back. @throws AppError NAME_INVALID, NOT_IN_TRASH */
  async restore(request: RequestOf<'restore'>, signal?: AbortSignal): Promise<ReplyOf<'restore'>> {
    return await this.#ask('restore', request, signal)
  }

  /** Reports that a file could not be brought back. */
  async restoreFailed(failure: RequestOf<'restore-failed'>, signal?: AbortSignal): Promise<void> {
    await this.#ask('restore-failed', failure, signal)
  }

  /** Reverts an `unshare` of this peer's own file. */
  async share(name: string, signal?: AbortSignal): Promise<void> {
    await this.#ask('share', { name }, signal)
  }

  /** Reports to the index that a peer sent bytes with a wrong hash. */
  async accuse(accusation: RequestOf<'accuse'>, signal?: AbortSignal): Promise<void> {
    await this.#ask('accuse', accusation, signal)
  }

  async #findElsewhere(...asked: Parameters<Elsewhere['find']>): Promise<FoundElsewhere> {
    return (await this.#dependencies.elsewhere?.find(...asked)) ?? foundNowhere
  }

  /** A connection that closes during a request counts as none: the request is sent once more. */
  async #ask<T extends MessageType>(
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal | undefined,
  ): Promise<ResultOf<T>> {
    const silence = readRequests.has(type) ? this.#dependencies.index.silence : undefined
    try {
      return await this.#askOnce(type, body, signal, silence?.afterMs)
    } catch (error) {
      const isSilent = silence !== undefined && hasCode(error, 'DEADLINE_EXCEEDED')
      if (!isSilent && !hasCode(error, 'CONNECTION_CLOSED')) throw error
      if (isSilent) silence.report()
    }
    try {
      return await this.#askOnce(type, body, signal)
    } catch (error) {
      if (hasCode(error, 'CONNECTION_CLOSED')) throw this.#unreachable(error)
      throw error
    }
  }

  async #askOnce<T extends MessageType>(
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal | undefined,
    answerMs?: number,
  ): Promise<ResultOf<T>> {
    const { index, clock } = this.#dependencies
    const deadlineMs = Math.max(indexRetryMs, (index.waitMs ?? indexWaitMs) - index.awayMs)
    const wait = { what: 'Connecting', deadlineMs, signal }
    const connection = await withDeadline(wait, clock, (inTime) => index.connected(inTime)).catch(
      (error: unknown) => {
        throw hasCode(error, 'DEADLINE_EXCEEDED') ? this.#unreachable(error) : error
      },
    )
    const startMs = clock.monotonicMs()
    const options = { signal, ...(answerMs !== undefined && { deadlineMs: answerMs }) }
    const reply = await whenAdmitted(() => connection.request(type, body, options), {
      clock,
      signal,
    })
    if (type === 'lookup' || type === 'search')
      this.#onFound((clock.monotonicMs() - startMs) / 1000)
    return reply
  }

  #onFound(seconds: number): void {
    this.#searchSeconds = withValue(this.#searchSeconds, seconds)
  }

  #unreachable(cause: unknown): AppError {
    const { address } = this.#dependencies.index
    return new AppError('INDEX_UNREACHABLE', { address }, { cause })
  }
}

/** @throws AppError NAME_NOT_FOUND if there are none */
function found(contents: FoundContent[], name: string): FoundContent[] {
  if (contents.length === 0) throw new AppError('NAME_NOT_FOUND', { name })
  return contents
}
