import { setImmediate as turn } from 'node:timers/promises'
import { chunkCountFor } from '../../common/content/chunks.ts'
import type { Lane } from '../../common/content/lanes.ts'
import { limits } from '../../common/limits.ts'
import type { IndexStore, ReplicatedCopy, StoredContent } from '../store/store.ts'
import type { Judge } from './judge.ts'
import type { Urgency } from './needs.ts'
import type { Planner } from './planner.ts'
import type { NeedQueue } from './queue.ts'
import { type Rank, rankOf } from './ranks.ts'
import type { Batch, RunningTasks } from './running-tasks.ts'
import type { Slots } from './slots.ts'
import type { Trimmer } from './trimmer.ts'

/**
 * Contents per planning pass while peers are free; the others wait for the next pass. About 50 ms, for
 * which full batches wait to be sent.
 */
const contentsPerPass = 1_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'obsoleteCopies' | 'replicasAt' | 'versionsOf'>
  readonly queue: NeedQueue
  readonly running: RunningTasks
  readonly slots: Slots
  readonly judge: Judge
  readonly planner: Planner
  readonly trimmer: Trimmer
  /** Sends a batch to its target. */
  readonly handOut: (batch: Batch) => void
}

/** Plans what is ready, most urgent first, as far as peers have room for it. */
export class PlanningPass {
  readonly #store: Dependencies['store']
  readonly #queue: NeedQueue
  readonly #running: RunningTasks
  readonly #slots: Slots
  readonly #judge: Judge
  readonly #planner: Planner
  readonly #trimmer: Trimmer
  readonly #handOut: Dependencies['handOut']

  constructor(dependencies: Dependencies) {
    this.#store = dependencies.store
    this.#queue = dependencies.queue
    this.#running = dependencies.running
    this.#slots = dependencies.slots
    this.#judge = dependencies.judge
    this.#planner = dependencies.planner
    this.#trimmer = dependencies.trimmer
    this.#handOut = dependencies.handOut
  }

  /** Hands out all possible tasks; returns whether another pass would find more. */
  async run(signal: AbortSignal): Promise<boolean> {
    this.#slots.admitQueued()
    const { readyCount } = this.#queue
    for (const lane of this.#planner.lanesFor('copies'))
      await this.#planReady(
        { urgencies: ['last-copy', 'draining', 'copies'], lane },
        'copies',
        signal,
      )
    for (const urgency of ['drop', 'trim'] as const)
      await this.#planReady({ urgencies: [urgency], lane: 'small' }, 'drops', signal)
    if (!this.#queue.areRepairsWaiting)
      for (const lane of this.#planner.lanesFor('copies'))
        await this.#planReady({ urgencies: ['move'], lane }, 'copies', signal)
    for (const batch of this.#slots.takeUnsent()) this.#handOut(batch)
    if (this.#planner.lanesFor('copies').length === 0) return false
    // A content that was tried and stayed waits for a task to end.
    const hasMoved = this.#queue.readyCount < readyCount
    return this.#slots.couldAdmit || (hasMoved && readyCount > contentsPerPass)
  }

  async #planReady(
    { urgencies, lane }: { urgencies: readonly Urgency[]; lane: Lane },
    what: 'copies' | 'drops',
    signal: AbortSignal,
  ): Promise<void> {
    const of = urgencies.map((urgency): Rank => `${urgency}/${lane}`)
    if (!this.#planner.couldPlace(what, lane)) return
    const ready = this.#queue.ready(of, contentsPerPass)
    for (let start = 0; start < ready.length; start += limits.contentsPerSlice) {
      if (!this.#planner.couldPlace(what, lane)) return
      const slice = ready.slice(start, start + limits.contentsPerSlice)
      for (const content of await this.#store.contents(slice)) await this.#plan(content)
      await turn()
      signal.throwIfAborted()
    }
    // All of these were tried, and there may be others behind them.
    if (ready.length === contentsPerPass) this.#queue.moveBack(ready)
  }

  /** Checks a sample of the waiting contents: a batch that is in the way is checked again soon. */
  async isContended(batch: Batch): Promise<boolean> {
    const waiting = this.#queue.waitingIn(batch.lane, limits.contentsPerSlice)
    const own = Array.from(batch.tasks.values(), ({ contentId }) => contentId)
    const contents = await this.#store.contents([...new Set([...own, ...waiting])])
    const isOwn = new Set(own)
    if (this.#running.isAwaited(batch)) return true
    return contents.some((content) =>
      isOwn.has(content.contentId)
        ? this.#planner.hasOtherSource(content, batch)
        : this.#planner.isHeldUp(content, batch),
    )
  }

  /** The peers that have another version of its file, if they could reuse its chunks. */
  async #earlierHoldersOf({ contentId, file, size }: StoredContent): Promise<ReadonlySet<string>> {
    if (file === undefined || chunkCountFor(size) === 1) return new Set()
    const versions = await this.#store.versionsOf(file)
    const others = versions.filter(({ content }) => content.contentId !== contentId)
    return new Set(others.flatMap(({ content }) => content.holders.map(({ peerId }) => peerId)))
  }

  async #plan(content: StoredContent): Promise<void> {
    const { contentId, file } = content
    const max = limits.tasksPerRequestMax
    const isSurplus = this.#judge.needOf(content).kind === 'surplus'
    const trimmed = isSurplus ? this.#trimmer.peerToTrim(content) : undefined
    let drops: readonly ReplicatedCopy[] = []
    if (file === undefined) drops = await this.#store.obsoleteCopies(contentId, max)
    else if (trimmed !== undefined) drops = await this.#store.replicasAt(contentId, trimmed, max)
    const earlierHolders = await this.#earlierHoldersOf(content)
    // It may have been settled while the store was read.
    if (this.#queue.placeOf(contentId)?.state !== 'ready') return
    const need = this.#judge.verdictOn(content)
    if (!this.#judge.isDuty(content)) return
    if (need.kind === 'drop') this.#planner.planDrops(content, drops, need.urgency)
    else if (need.kind === 'copies' && file !== undefined)
      this.#planner.planCopies(content, file, { need, earlierHolders })
    else if (need.kind === 'surplus' && drops.length > 0)
      this.#planner.planDrops(content, drops, need.urgency)
    else if (need.kind === 'surplus') {
      const dueMs = this.#trimmer.nextLookMs(content)
      this.#queue.delay(contentId, rankOf(need.urgency, content.size), {
        reason: 'settling',
        dueMs,
      })
    }
  }
}
