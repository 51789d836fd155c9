import { setImmediate as turn } from 'node:timers/promises'
import type { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { withDeadline } from '../common/deadline.ts'
import { AppError, hasCode } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import type { ReplyOf } from '../common/protocol/messages.ts'
import { SerialQueue } from '../common/serial-queue.ts'
import type { Decisions } from './decisions.ts'
import type { EventRecorder } from './events/event.ts'
import type { Registry } from './registry.ts'
import type { Forgotten, IndexStore } from './store/store.ts'

/** A request is answered after this, even if the peer is not forgotten yet. */
const answerMs = 3_000
const slice = limits.contentsPerSlice

interface Dependencies {
  readonly store: Pick<IndexStore, 'contentIds' | 'contents' | 'forgetCopies' | 'forgetFiles'>
  readonly registry: Pick<Registry, 'forget'>
  readonly decisions: Pick<Decisions, 'decide' | 'onWritten'>
  readonly background: BackgroundWork
  readonly events: EventRecorder
  readonly clock: Clock
  readonly log: Log
}

/** Forgets dead peers for good, in bounded steps that continue if the requester is gone. */
export class Forgetter {
  readonly #dependencies: Dependencies
  readonly #running = new Map<string, Promise<void>>()
  /** One at a time: each of two peers may be the only one to have what the other has. */
  readonly #queue = new SerialQueue()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Forgets a peer, or waits for that a while.
   * @param force whether contents that only this peer has may be given up
   * @throws AppError PEER_UNKNOWN, PEER_NOT_DEAD, FORGET_LOSES, DISK_FAILED
   */
  async forget(peerId: string, force: boolean): Promise<ReplyOf<'forget-peer'>> {
    const running = this.#running.get(peerId) ?? this.#start(peerId, force)
    const { clock } = this.#dependencies
    try {
      await withDeadline({ what: 'Forgetting', deadlineMs: answerMs }, clock, () => running)
      return { done: true }
    } catch (error) {
      if (hasCode(error, 'DEADLINE_EXCEEDED')) return { done: false }
      throw error
    }
  }

  #start(peerId: string, force: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#running.set(peerId, promise)
    // Its requesters may have gone.
    promise.catch(() => {})
    this.#dependencies.background.start('forget a peer', async (signal) => {
      try {
        await this.#queue.run(() => this.#run(peerId, force, signal))
        resolve()
      } catch (error) {
        reject(error as Error)
      } finally {
        this.#running.delete(peerId)
      }
    })
    return promise
  }

  async #run(peerId: string, force: boolean, signal: AbortSignal): Promise<void> {
    const { registry, decisions, events, log } = this.#dependencies
    let copies = 0
    await registry.forget(peerId, async () => {
      if (!force) await this.#refuseLosses(peerId, signal)
      copies = await this.#removeAll(peerId, signal)
      await decisions.decide([
        { kind: 'drain', key: peerId, value: null },
        { kind: 'maintenance', key: peerId, value: null },
      ])
    })
    events.record({ kind: 'peer-forgotten', peerId })
    log.info({ peerId, copies }, 'peer forgotten')
  }

  /** @throws AppError FORGET_LOSES if no other peer, not even a dead one, has some of its contents */
  async #refuseLosses(peerId: string, signal: AbortSignal): Promise<void> {
    const { store } = this.#dependencies
    let files = 0
    const names = new Set<string>()
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; ) {
      isFirst = false
      const page = await store.contentIds(peerId, after, limits.contentsPerSlice)
      for (const { file, holders } of await store.contents([...new Set(page.contentIds)])) {
        if (file === undefined || holders.some((holder) => holder.peerId !== peerId)) continue
        files++
        if (names.size < limits.safetyNamesMax) names.add(file.name)
      }
      after = page.next
      await turn()
      signal.throwIfAborted()
    }
    if (files === 0) return
    const shown = Array.from(names, (name) => `'${name}'`).join(', ')
    throw new AppError('FORGET_LOSES', { peerId, files, names: shown })
  }

  /** @returns the number of copies */
  async #removeAll(peerId: string, signal: AbortSignal): Promise<number> {
    const { store } = this.#dependencies
    const copies = await this.#removeSome(() => store.forgetCopies(peerId, slice), signal)
    await this.#removeSome((after) => store.forgetFiles(peerId, after, slice), signal)
    return copies
  }

  async #removeSome(
    step: (after: string) => Promise<Forgotten>,
    signal: AbortSignal,
  ): Promise<number> {
    let removed = 0
    for (let after: string | undefined = ''; after !== undefined; ) {
      const forgotten: Forgotten = await step(after)
      this.#dependencies.decisions.onWritten(forgotten)
      removed += forgotten.removed
      after = forgotten.next
      await turn()
      signal.throwIfAborted()
    }
    return removed
  }
}
